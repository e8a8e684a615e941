import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { replacing } from "../../../coordinator/cli/apply/patch.ts";
import { withVariables } from "../../../coordinator/cli/apply/variables.ts";
import { mergePatch } from "../../../coordinator/http/merge-patch.ts";
import { type CliRun, watchpost } from "../../support/cli.ts";
import { adminToken, startTestCoordinator, type TestCoordinator } from "../../support/coordinator.ts";
import { tempDir } from "../../support/temp-dir.ts";

let coordinator: TestCoordinator;
beforeAll(async () => {
  coordinator = await startTestCoordinator();
});
afterAll(() => coordinator?.stop());

const env = () => ({ WATCHPOST_URL: coordinator.url, WATCHPOST_TOKEN: adminToken });
const apply = (input: string, ...args: string[]): Promise<CliRun> =>
  watchpost(["apply", "-f", "-", ...args], env(), { input });
const shown = async (name: string) =>
  JSON.parse((await watchpost(["monitors", "show", name, "--json"], env())).out) as Record<string, unknown>;

const shop = (more = "") => `name: Shop\ntype: http\nhttp: { url: https://shop.example/ }\n${more}`;
const list = `
- { name: One, type: tcp, interval: 30, tcp: { host: one.example, port: 1 } }
- { name: Two, type: tcp, tags: [b], tcp: { host: two.example, port: 2 } }
`;

describe("apply", () => {
  it("adds what is missing, changes what differs, and leaves alone what is as it is to be", async () => {
    expect(await apply(shop("tags: [a]\ninterval: 30s\n"))).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Added Shop \(mon_\w+\)\n$/),
    });
    const { id, revision } = await shown("Shop");
    expect((await apply(shop("tags: [a]\ninterval: 30\n"))).out).toBe(`Unchanged Shop (${id})\n`);
    expect(await shown("Shop")).toMatchObject({ id, revision });

    expect((await apply(shop("quorum: all\n"))).out).toBe(`Changed Shop (${id})\n`);
    // What the file says no more is as it is by default.
    expect(await shown("Shop")).toMatchObject({ id, quorum: "all", tags: [], interval: "1m" });
    expect((await apply("name: Shop\ntype: tcp\ntcp: { host: shop.example, port: 80 }\n")).out).toBe(
      `Changed Shop (${id})\n`,
    );
    expect(await shown("Shop")).toMatchObject({ id, type: "tcp", quorum: "majority" });
  });

  it("takes a list, several documents and several files, and says the same in JSON", async () => {
    const dir = await tempDir();
    try {
      const [first, second] = [join(dir.path, "first.yaml"), join(dir.path, "second.json")];
      await writeFile(first, `${list}---\n${list.replaceAll("name: ", "name: Other ")}---\n`);
      await writeFile(second, JSON.stringify([{ name: "JSON", type: "tcp", tcp: { host: "a.example", port: 3 } }]));
      const { code, out } = await watchpost(["apply", "-f", first, second, "--json"], env());
      const id = expect.stringMatching(/^mon_/);
      expect([code, JSON.parse(out)]).toEqual([
        0,
        ["One", "Two", "Other One", "Other Two", "JSON"].map((name) => ({
          kind: "monitor",
          action: "create",
          name,
          id,
        })),
      ]);
    } finally {
      await dir.remove();
    }
  });

  it("does nothing on a dry run, nor when anything in the files is wrong", async () => {
    const dry = await apply(list.replaceAll("One", "New").replace("[b]", "[c]"), "--dry-run");
    expect(dry).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Would add New\nWould change Two \(mon_\w+\)\n$/),
    });
    expect((await shown("Two")).tags).toEqual(["b"]);

    const wrong = await apply(
      `${list.replaceAll("One", "New")}---\n${shop("interval: 0s\n")}---\n${shop()}---\nname: Typo\nurl: x\n`,
    );
    expect(wrong).toMatchObject({ code: 2, out: "" });
    expect(wrong.err).toContain("nothing was done");
    expect(wrong.err).toContain("Shop: interval  must be whole seconds from 1s to 24h");
    expect(wrong.err).toContain("Shop: is there twice");
    expect(wrong.err).toContain("Typo: type");
    expect((await watchpost(["monitors", "show", "New"], env())).code).toBe(1);
  });

  it.each([
    ["", "there is no monitor in -"],
    ["a: [", "standard input cannot be read"],
    ["just text", "monitor 1 of the file"],
  ])("refuses %j", async (input, message) => {
    const { code, err } = await apply(input);
    expect(code).toBe(2);
    expect(err).toMatch(new RegExp(message));
  });

  it("writes a monitor whose document has a secret each time, and keeps one that it does not tell", async () => {
    const withSecret = (secret: string) =>
      `name: Secret\ntype: http\nhttp: { url: "https://s.example/", headers: { X-Api-Key: { secret: ${secret} } } }\n`;
    const [added, again, kept] = [
      await apply(withSecret("abc")),
      await apply(withSecret("abc")),
      await apply(withSecret("true")),
    ];
    expect([added.out, again.out, kept.out].map((out) => out.split(" ")[0])).toEqual(["Added", "Changed", "Unchanged"]);
  });
});

describe("apply of channels, rules and maintenance windows", () => {
  const topic = "a-topic-that-nobody-guesses";
  const applyAll = (input: string, more: NodeJS.ProcessEnv = { NTFY_TOPIC: topic }, ...args: string[]) =>
    watchpost(["apply", "-f", "-", ...args], { ...env(), ...more }, { input });
  const listed = async (path: string) => (await coordinator.call("GET", path)).body.data as any[];
  const all = (change: (text: string) => string = (text) => text) =>
    change(`
rules:
  - name: Outages
    monitors: [Child]
    delay: 30s
    steps:
      - channels: [Phone]
      - { after: 15m, channels: [Phone] }
maintenance:
  - name: Nights
    monitors: [Child, Parent]
    when: { cron: { expression: "0 3 * * *", duration: 20m, timeZone: Europe/Berlin } }
monitors:
  - { name: Child, type: tcp, dependsOn: [Parent], tcp: { host: child.example, port: 1 } }
  - { name: Parent, type: tcp, tcp: { host: parent.example, port: 1 } }
channels:
  - name: Phone
    type: ntfy
    settings: { topic: "\${NTFY_TOPIC}" }
---
name: Beside
type: tcp
tcp: { host: beside.example, port: 1 }
`);

  it("says what it would do, does it once, in an order that works, and knows everything by its name", async () => {
    const words = (out: string) => out.trim().replaceAll(/ \(\w+\)/g, "");
    const names = ["channel Phone", "Parent", "Child", "Beside", "rule Outages", "maintenance window Nights"];
    expect((await applyAll(all(), undefined, "--dry-run")).out).toBe(
      names.map((name) => `Would add ${name}\n`).join(""),
    );
    expect(await listed("/v1/channels")).toEqual([]);

    const first = await applyAll(all());
    expect([first.err, words(first.out)]).toEqual(["", names.map((name) => `Added ${name}`).join("\n")]);
    const [[channel], [rule], [window], monitors] = await Promise.all([
      listed("/v1/channels"),
      listed("/v1/alert-rules"),
      listed("/v1/maintenance"),
      listed("/v1/monitors"),
    ]);
    const idOf = (name: string) => monitors.find((monitor) => monitor.name === name).id;
    expect(rule).toMatchObject({
      monitors: [idOf("Child")],
      delay: "30s",
      steps: [{ channels: [channel.id] }, { after: "15m", channels: [channel.id] }],
    });
    expect(window).toMatchObject({ monitors: [idOf("Child"), idOf("Parent")], when: { cron: { duration: "20m" } } });
    expect(monitors.find(({ name }) => name === "Child").dependsOn).toEqual([idOf("Parent")]);

    // Nobody is shown what is stored of the channel.
    expect(words((await applyAll(all())).out)).toBe(
      names.map((name, n) => `${n === 0 ? "Changed" : "Unchanged"} ${name}`).join("\n"),
    );
    expect(await listed("/v1/alert-rules")).toEqual([rule]);
  });

  it("changes what differs: what a document leaves out is as it is by default", async () => {
    const changed = all((text) =>
      text
        .replace("    delay: 30s\n", "")
        .replace("monitors: [Child, Parent]", "tags: [a]")
        .replace(
          'cron: { expression: "0 3 * * *", duration: 20m,',
          'weekly: { days: [mon], from: "01:00", to: "02:00",',
        ),
    );
    const { out, code } = await applyAll(changed, undefined, "--json");
    const actions = (JSON.parse(out) as any[]).map(({ kind, action }) => `${kind} ${action}`);
    expect([code, actions]).toEqual([
      0,
      ["channel change", "monitor keep", "monitor keep", "monitor keep", "rule change", "maintenance window change"],
    ]);
    expect(await listed("/v1/alert-rules")).toMatchObject([{ name: "Outages", delay: "0ms" }]);
    const [window] = await listed("/v1/maintenance");
    expect(window).toMatchObject({ monitors: [], tags: ["a"] });
    expect(window.when).toEqual({ weekly: { days: ["mon"], from: "01:00", to: "02:00", timeZone: "Europe/Berlin" } });
  });

  it("changes nothing when a variable is not set, and says where it is wanted", async () => {
    const before = await listed("/v1/channels");
    const { code, out, err } = await applyAll(
      all((text) => text.replace("name: Nights", "name: Other")),
      {},
    );
    expect([code, out]).toEqual([2, ""]);
    expect(err.split("\n").slice(1)).toEqual([
      "  standard input: channel Phone: settings.topic  the environment variable NTFY_TOPIC is not set",
      "",
    ]);
    expect(await listed("/v1/channels")).toEqual(before);
    expect((await listed("/v1/maintenance")).map(({ name }) => name)).toEqual(["Nights"]);
  });

  it("names file, document, field and rule of all that is wrong, and does nothing", async () => {
    const dir = await tempDir();
    try {
      const [good, bad] = [join(dir.path, "good.yaml"), join(dir.path, "bad.yaml")];
      await writeFile(
        good,
        "channels:\n  - { name: New, type: slack, settings: { url: https://hooks.slack.com/a } }\n",
      );
      await writeFile(
        bad,
        `
channels:
  - { name: Mail, type: email, settings: { host: mail.example, port: 99999 } }
  - { type: ntfy, settings: { topic: "***" } }
  - { name: Phone, type: ntfy, settings: { topic: "***" } }
rules:
  - { name: Lost, delay: 2d, steps: [{ channels: [New, Nobody] }] }
  - { name: Outages, steps: [] }
  - { name: Outages, steps: [{ channels: [Phone] }] }
maintenance:
  - { name: Never, monitors: [Shops], when: {} }
monitors: { name: Shop }
window: []
---
- { name: A, type: tcp, dependsOn: [B], tcp: { host: a.example, port: 1 } }
- { name: B, type: tcp, dependsOn: [A], tcp: { host: b.example, port: 1 } }
`,
      );
      const { code, out, err } = await watchpost(["apply", "-f", good, bad], env());
      expect([code, out]).toEqual([2, ""]);
      const lines = err.split("\n").map((line) => line.trim().replaceAll(`${dir.path}/`, ""));
      expect(lines).toEqual(
        expect.arrayContaining([
          "bad.yaml: channel Mail: settings.port  must be at most 65535",
          "bad.yaml: channel 2 of the file: name  must be given",
          "bad.yaml: channel Phone: settings.topic  there is no stored secret to keep: give its text",
          'bad.yaml: rule Lost: steps.0.channels.1  there is no channel "Nobody", neither in the files nor at the coordinator',
          "bad.yaml: rule Lost: delay  must be from 0ms to 1d, such as 90s or 5m",
          "bad.yaml: rule Outages: steps  must not be empty",
          "bad.yaml: rule Outages: is there twice",
          'bad.yaml: maintenance window Never: monitors.0  there is no monitor "Shops", neither in the files nor at the coordinator',
          "bad.yaml: maintenance window Never: when  must hold one of once, weekly and cron",
          "bad.yaml: monitors  must be a list",
          "bad.yaml: window  must be one of channels, monitors, rules, maintenance",
          "bad.yaml: monitor A: depends on itself",
        ]),
      );
      expect((await listed("/v1/channels")).map(({ name }) => name)).toEqual(["Phone"]);
    } finally {
      await dir.remove();
    }
  });

  it("says of which document it was that the coordinator refuses only then", async () => {
    const command = "channels:\n  - { name: Script, type: command, settings: { path: /bin/true } }\n";
    const revoked = await watchpost(["apply", "-f", "-"], { ...env(), WATCHPOST_TOKEN: "wrong" }, { input: command });
    expect(revoked.code).toBe(2);
    const { body } = await coordinator.call("POST", "/v1/monitors", {
      name: "Uncle",
      type: "tcp",
      tcp: { host: "a.example", port: 1 },
      dependsOn: [(await listed("/v1/monitors")).find(({ name }) => name === "Child").id],
    });
    const { code, err } = await applyAll(
      "monitors:\n  - { name: Parent, type: tcp, dependsOn: [Uncle], tcp: { host: parent.example, port: 1 } }\n",
    );
    expect(code).toBe(2);
    expect(err).toMatch(/standard input: monitor Parent: the coordinator refused it\s+dependsOn/);
    await coordinator.call("DELETE", `/v1/monitors/${body.id}`);
  });
});

describe("variables of the environment in documents", () => {
  it.each([
    [`\${A}`, "1"],
    [`x\${A}y\${A}`, "x1y1"],
    [`$\${A}`, `\${A}`],
    [`$A $ {A} \${a-b} \${}`, `$A $ {A} \${a-b} \${}`],
    [`\${B}`, `\${A}`],
    [`\${EMPTY}`, ""],
  ])("%j becomes %j", (text, expected) => {
    const wrong: string[] = [];
    const variables = { A: "1", B: `\${A}`, EMPTY: "" };
    const document = withVariables({ a: [text, 1, null] }, variables, (field) => wrong.push(field));
    expect([document, wrong]).toEqual([{ a: [expected, 1, null] }, []]);
  });

  it("one that is not set is complained of where it stands", () => {
    const complain = vi.fn();
    withVariables({ settings: { to: ["a", `\${NOBODY}`] } }, {}, complain);
    expect(complain.mock.calls).toEqual([["settings.to.1", "the environment variable NOBODY is not set"]]);
  });
});

it("a patch makes one document of another", () => {
  const current = { a: 1, b: { c: 2, d: [1], e: { f: 1 } }, g: 4 };
  const wanted = { b: { d: [2], e: 5 }, h: { i: 1 } };
  expect(mergePatch(current, replacing(current, wanted))).toEqual(wanted);
});
