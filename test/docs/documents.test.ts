import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { windowDocument } from "../../coordinator/maintenance/document.ts";
import { ruleEvents } from "../../coordinator/notify/notice.ts";
import { alertRuleDocument } from "../../coordinator/notify/rule.ts";
import { monitorDocument } from "../../shared/monitor.ts";
import { abandonedRegions } from "../support/abandoned-regions.ts";
import { beginTrouble } from "../support/agent-troubles.ts";
import { watchpost } from "../support/cli.ts";
import { adminToken, startTestCoordinator, type TestCoordinator } from "../support/coordinator.ts";
import { anIncident, keepIncidents } from "../support/incidents.ts";
import { startReceiver } from "../support/receiver.ts";
import { tempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";
import { layOutReleases, type UpgradableAgent, upgradableAgent } from "../support/upgradable-agent.ts";
import { webhookSchema, withGenerated } from "./generated.ts";

const readme = await readFile("README.md", "utf8");
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  ...(await readdir("docs")).filter((file) => file.endsWith(".md")).map((file) => join("docs", file)),
];

/** The code blocks in these languages. */
const blocks = (text: string, ...languages: string[]): string[] =>
  [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].flatMap(([, language, code]) =>
    languages.includes(language ?? "") ? [code ?? ""] : [],
  );

describe("the README", () => {
  it("has the tables of variables and codes that the code has (UPDATE_DOCS=1 writes them)", async () => {
    const expected = withGenerated(readme);
    if (process.env.UPDATE_DOCS) await writeFile("README.md", expected);
    else expect(readme).toBe(expected);
  });

  it.each(blocks(readme, "yaml").filter((yaml) => !yaml.startsWith("# ")))(
    "shows a monitor or a window that is valid: %#",
    (yaml) => {
      const document = parse(yaml);
      const schema = "when" in document ? windowDocument : monitorDocument;
      expect(schema.safeParse(document).error?.issues).toBeUndefined();
    },
  );

  it.each([
    ['"BullMQ queue ready"', "coordinator/dependencies.ts", /"BullMQ queue ready"/],
    ['"BullMQ worker is ready"', "agent/worker.ts", /"BullMQ worker is ready"/],
    ['"Processing monitor check job"', "agent/worker.ts", /info\(.*"Processing monitor check job"/],
    [
      '"Scheduled monitor X to run every Y seconds"',
      "coordinator/dispatch/schedule-keeper.ts",
      /`Scheduled monitor \$\{.*\} to run every \$\{.*\} seconds`/,
    ],
  ])("promises the log line %s, which is in %s", async (line, file, source) => {
    expect(readme).toContain(line);
    expect(await readFile(file, "utf8")).toMatch(source);
  });
});

it("publishes the schema of webhooks that the code has (UPDATE_DOCS=1 writes it)", async () => {
  const path = "docs/webhook.schema.json";
  if (process.env.UPDATE_DOCS) await writeFile(path, webhookSchema);
  else expect(await readFile(path, "utf8")).toBe(webhookSchema);
});

describe("commands in the documents", async () => {
  const texts = await Promise.all(pages.map((page) => readFile(page, "utf8")));
  const lines = texts.flatMap((text) => [
    ...blocks(text, "bash").flatMap((block) => block.split("\n")),
    ...[...text.matchAll(/`(watchpost [^`]+)`/g)].map(([, command]) => command ?? ""),
  ]);
  const commands = [...new Set(lines.flatMap((line) => /^(?:npx )?watchpost (.+)$/.exec(line)?.[1] ?? []))];

  /** Commands that have commands of their own. */
  const groups = [
    "monitors",
    "maintenance",
    "incidents",
    "channels",
    "rules",
    "deliveries",
    "verdict",
    "agent",
    "agents",
    "tokens",
  ];

  it.each(commands)("watchpost %s", async (command) => {
    const words = command.replaceAll(/"[^"]*"/g, "VALUE").split(" ");
    const path = words.filter((word) => /^[a-z]+$/.test(word)).slice(0, groups.includes(words[0] ?? "") ? 2 : 1);
    const { code, out } = await watchpost([...path, "--help"]);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^Usage: watchpost ${path.join(" ")}\\b`));
    for (const flag of words.filter((word) => word.startsWith("-"))) expect(out).toContain(flag);
  });
});

describe("requests in the README", () => {
  let coordinator: TestCoordinator;
  let releases: Awaited<ReturnType<typeof tempDir>>;
  const agents: UpgradableAgent[] = [];
  const incident = anIncident();
  const trouble = "trb_docs";
  beforeAll(async () => {
    releases = await tempDir();
    await layOutReleases(releases.path, ["9.0.0"]);
    coordinator = await startTestCoordinator("redis", { agentReleases: releases.path });
    await abandonedRegions(coordinator, "old-place");
    await keepIncidents(coordinator.databaseUrl, [incident]);
    await beginTrouble(coordinator.databaseUrl, trouble);
  });
  afterAll(async () => {
    for (const agent of agents) agent.leave();
    await coordinator?.stop();
    await releases.remove();
  });

  it.each(blocks(readme, "yaml").flatMap((yaml) => (/^# \S+\.yaml\n(-|channels:)/.test(yaml) ? [yaml] : [])))(
    "take a file as the README shows it: %#",
    async (yaml) => {
      const variables = [...yaml.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => [name, "a-secret"]);
      const { code, out, err } = await watchpost(
        ["apply", "-f", "-", "--dry-run"],
        { WATCHPOST_URL: coordinator.url, WATCHPOST_TOKEN: adminToken, ...Object.fromEntries(variables) },
        { input: yaml },
      );
      expect([code, err]).toEqual([0, ""]);
      const names = [...yaml.matchAll(/^ *- name: (.+)$/gm)].map(([, name]) => name ?? "");
      expect(names.filter((name) => !new RegExp(`^Would add (.+ )?${name}$`, "m").test(out))).toEqual([]);
    },
  );

  const [document] = /(?<=--json ').*(?=')/.exec(readme) ?? [];
  const requests = [...readme.matchAll(/^\| `(GET|PATCH|POST|PUT|DELETE) (\/\S+)` /gm)];
  /** A message that failed, each time anew: its channel is switched off. */
  async function failedDelivery(channelId: string): Promise<string> {
    const { body } = await coordinator.call("POST", `/v1/channels/${channelId}/test`, {});
    await until(
      () => coordinator.call("GET", `/v1/deliveries/${body.deliveryId}`),
      ({ body }) => body.state === "failed",
    );
    return body.deliveryId;
  }

  /** A token that would make an agent. */
  const enrollmentToken = async () =>
    (await coordinator.call("POST", "/v1/enrollment-tokens", { region: "eu-west" })).body as {
      id: string;
      token: string;
    };
  const enrollee = async () => ({
    token: (await enrollmentToken()).token,
    host: "fra1",
    version: "1.0.0",
    arch: "x64",
  });
  async function apiToken(): Promise<string> {
    return (await coordinator.call("POST", "/v1/tokens", { name: "page", scope: "read" })).body.id;
  }

  /** Of a region with an agent that can be upgraded. */
  async function upgradeOf(region: string): Promise<{ region: string }> {
    agents.push(await upgradableAgent({ at: coordinator }, region));
    return { region };
  }
  const upgrade = async (): Promise<string> =>
    (await coordinator.call("POST", "/v1/agent-upgrades", await upgradeOf(`region-${++made}`))).body.id;

  let made = 0;
  const channel = () => ({ name: `Phone ${++made}`, type: "ntfy", enabled: false, settings: { topic: "secret" } });
  const rule = (channelId: string) => ({ name: "Outages", steps: [{ channels: [channelId] }] });
  /** By the path without its ids, or else by the method. */
  const bodies: Readonly<Record<string, unknown>> = {
    POST: document,
    PATCH: { enabled: false },
    "/v1/incidents/acknowledge": { by: "Ada" },
    "/v1/agent-troubles/acknowledge": { by: "Ada" },
    "/v1/incidents/notes": { text: "It was DNS." },
    "/v1/enrollment-tokens": { region: "eu-west" },
    "/v1/tokens": { name: "page", scope: "read" },
    "/v1/maintenance": {
      name: "Upgrade",
      when: { weekly: { days: ["sun"], from: "02:00", to: "04:00", timeZone: "UTC" } },
    },
  };
  const bodyOf = (resource: string, channelId: string) =>
    ({ channels: channel(), "alert-rules": rule(channelId) })[resource];
  const statuses: Readonly<Record<string, number>> = {
    POST: 201,
    DELETE: 204,
    "/v1/incidents/acknowledge": 200,
    "/v1/agent-troubles/acknowledge": 200,
    "/v1/channels/test": 202,
    "/v1/deliveries/retry": 202,
    "/v1/keys/rotate": 200,
    "/v1/agents/drain": 200,
    "/v1/agents/resume": 200,
    "/v1/agents/rotate": 202,
    "/v1/agent-upgrades/cancel": 200,
  };

  it.each(requests.map(([, method = "", path = ""]) => [method, path]))("%s %s", async (method, path) => {
    const { id } = (await coordinator.call("POST", "/v1/monitors", document)).body;
    const { body: window } = await coordinator.call("POST", "/v1/maintenance", bodies["/v1/maintenance"]);
    const kind = path.replace(/\/:\w+/, "");
    const resource = kind.split("/")[2] ?? "";
    const { body: phone } = await coordinator.call("POST", "/v1/channels", channel());
    const { body: outages } = await coordinator.call("POST", "/v1/alert-rules", rule(phone.id));
    const ids: Readonly<Record<string, string>> = {
      incidents: incident.id,
      "agent-troubles": trouble,
      maintenance: window.id,
      channels: phone.id,
      "alert-rules": outages.id,
      ...(resource === "agents" && {
        agents: (await coordinator.call("POST", "/agent/enroll", await enrollee(), null)).body.agentId,
      }),
      ...(resource === "enrollment-tokens" && { "enrollment-tokens": (await enrollmentToken()).id }),
      ...(resource === "agent-upgrades" && path.includes(":id") && { "agent-upgrades": await upgrade() }),
      ...(resource === "tokens" && { tokens: await apiToken() }),
      ...(resource === "deliveries" && { deliveries: await failedDelivery(phone.id) }),
    };
    const { status } = await coordinator.call(
      method,
      path.replace(":id", ids[resource] ?? id).replace(":region", "old-place"),
      method === "GET"
        ? undefined
        : kind === "/agent/enroll"
          ? await enrollee()
          : kind === "/v1/agent-upgrades"
            ? await upgradeOf("us-east")
            : (bodies[kind] ?? bodyOf(resource, phone.id) ?? bodies[method]),
    );
    expect(status).toBe(statuses[kind] ?? statuses[method] ?? 200);
  });
});

it("describes every field and event of an alert rule", async () => {
  const [part = ""] = /^## Rules$[\s\S]*?(?=^## )/m.exec(await readFile("docs/notifications.md", "utf8")) ?? [];
  const cells = [...part.matchAll(/^\| (`.*?) \| (.*?) \|/gm)];
  const named = (text = "") => [...text.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  const { properties = {} } = z.toJSONSchema(alertRuleDocument, { io: "input" });
  expect(cells.flatMap(([, fields]) => named(fields))).toEqual(Object.keys(properties));
  expect(named(cells.find(([, fields]) => fields === "`events`")?.[2])).toEqual([...ruleEvents]);
});

it("leads to being told, with the channel's server in place of ntfy.sh", async () => {
  const [part = ""] = /^## Get told$[\s\S]*?(?=^## )/m.exec(readme) ?? [];
  const [coordinator, receiver, dir] = await Promise.all([startTestCoordinator(), startReceiver(), tempDir()]);
  try {
    for (const yaml of blocks(part, "yaml")) {
      const [, name = ""] = /^# (\S+)\n/.exec(yaml) ?? [];
      await writeFile(join(dir.path, name), yaml.replace("https://ntfy.sh", receiver.url));
    }
    const env = { WATCHPOST_URL: coordinator.url, WATCHPOST_TOKEN: adminToken };
    const commands = [...part.matchAll(/^npx watchpost (.*)$/gm)].map(([, command = ""]) => command.split(" "));
    expect(commands).toHaveLength(3);
    for (const words of commands) {
      const there = words.map((word) => (word.endsWith(".yaml") ? join(dir.path, word) : word));
      expect(await watchpost(there, env)).toMatchObject({ code: 0, err: "" });
    }
    expect(receiver.received).toMatchObject([{ body: { topic: "a-name-that-nobody-guesses" } }]);
    const { findings } = JSON.parse((await watchpost(["doctor", "--json"], env)).out);
    expect(findings).toContainEqual(expect.objectContaining({ check: "Alerts", state: "ok" }));
  } finally {
    await coordinator.stop();
    await Promise.all([receiver.stop(), dir.remove()]);
  }
});

it.each(pages)("%s links to what is there", async (page) => {
  const links = [...(await readFile(page, "utf8")).matchAll(/\]\(([^)#:]+)[^):]*\)/g)].map(
    ([, target]) => target ?? "",
  );
  expect(links.filter((target) => !existsSync(join(dirname(page), target)))).toEqual([]);
});

it.each(pages)("%s names files that are there", async (page) => {
  const names = [...(await readFile(page, "utf8")).matchAll(/`((?:agent|coordinator|shared|test|docs)\/[\w./-]*)`/g)];
  expect(names.map(([, name]) => name ?? "").filter((name) => !existsSync(name))).toEqual([]);
});
