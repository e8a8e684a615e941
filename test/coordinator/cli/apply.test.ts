import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { replacing } from "../../../coordinator/cli/apply.ts";
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
        ["One", "Two", "Other One", "Other Two", "JSON"].map((name) => ({ action: "create", name, id })),
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

it("a patch makes one document of another", () => {
  const current = { a: 1, b: { c: 2, d: [1], e: { f: 1 } }, g: 4 };
  const wanted = { b: { d: [2], e: 5 }, h: { i: 1 } };
  expect(mergePatch(current, replacing(current, wanted))).toEqual(wanted);
});
