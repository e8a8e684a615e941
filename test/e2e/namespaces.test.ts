import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type AgentProcess, startAgentProcess } from "../support/agent-process.ts";
import { adminToken } from "../support/coordinator.ts";
import { type CoordinatorProcess, startCoordinatorProcess } from "../support/coordinator-process.ts";
import { serveHttp } from "../support/http-server.ts";
import { type Internet, startInternet } from "../support/internet.ts";
import { whyNoNamespaces } from "../support/namespaces.ts";
import { type Relay, startRelay } from "../support/relay.ts";
import { redisAt, testClickHouse, testDatabase, testQueueServer } from "../support/shared-servers.ts";
import { tempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";

const regions = ["ap-south", "eu-west", "us-east"];
const channels = ["chat", "pager"];
/** Names and what chooses the rule; of a patient monitor people are told some seconds after its incident. */
const monitors = { Blog: "prompt", Shop: "prompt", Bank: "patient", Mail: "patient" } as const;
type Name = keyof typeof monitors;
const names = Object.keys(monitors) as Name[];

const why = await whyNoNamespaces();
if (why !== null) console.log(`Left out, since no network namespaces can be made here: ${why}`);

describe.skipIf(why !== null)("agents in three network namespaces", { timeout: 60_000 }, () => {
  const stops: Array<() => unknown> = [];
  const ids = {} as Record<Name, string>;
  const messages: any[] = [];
  const began = performance.now();
  const story: string[] = [];
  const tell = (what: string) =>
    story.push(`${((performance.now() - began) / 1_000).toFixed(2).padStart(6)} s  ${what}`);

  let internet: Internet;
  let front: Relay;
  let database: pg.Client;
  let coordinators: CoordinatorProcess[];
  let startCoordinator: () => Promise<CoordinatorProcess>;

  /** Whatever was begun is ended, the latest first, also when the beginning failed. */
  const later = <T>(made: T, stop: (made: T) => unknown): T => {
    stops.unshift(() => stop(made));
    return made;
  };

  async function call(method: string, path: string, body?: object): Promise<any> {
    const response = await fetch(front.url.replace(/\/$/, "") + path, {
      method,
      headers: { authorization: `Bearer ${adminToken}`, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }

  beforeAll(async () => {
    const [postgres, clickhouse, queues, data] = await Promise.all([
      testDatabase(),
      testClickHouse(),
      testQueueServer("redis"),
      tempDir(),
    ]);
    later(null, () => Promise.all([postgres.stop(), clickhouse.stop(), queues.stop(), data.remove()]));
    internet = later(await startInternet({ places: regions.length, targets: names.length }), ({ stop }) => stop());
    database = later(new pg.Client({ connectionString: postgres.url }), (client) => client.end());
    await database.connect();

    coordinators = [];
    later(coordinators, (all) => Promise.all(all.map((one) => one.end("SIGKILL"))));
    startCoordinator = async () => {
      const n = coordinators.length;
      const coordinator = await startCoordinatorProcess(
        {
          databaseUrl: postgres.url,
          clickhouseUrl: clickhouse.url,
          queueServer: queues.server,
          dataDir: `${data.path}/${n}`,
        },
        { WATCHPOST_REGION_CLEAN_SECONDS: "2" },
      );
      coordinators.push(coordinator);
      tell(`coordinator ${coordinator.pid} runs`);
      return coordinator;
    };
    const { url } = await startCoordinator();
    front = later(await startRelay(url, internet.home), (relay) => relay.stop());
    const queue = later(await startRelay(queues.url, internet.home), (relay) => relay.stop());

    const reached = { url: front.url, queueServer: redisAt(queue.url) };
    const agents = later<AgentProcess[]>([], (all) => Promise.all(all.map((agent) => agent.end("SIGKILL"))));
    for (const [n, region] of regions.entries())
      agents.push(startAgentProcess(reached, region, `agt-${region}`, {}, { prefix: internet.places[n]?.enter ?? [] }));

    const receiver = later(
      await serveHttp(async (request, response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        const { id, type, data } = JSON.parse(String(Buffer.concat(chunks)));
        messages.push({ id, type, channel: request.url?.slice(1), ...data });
        tell(`${request.url?.slice(1)} is told "${data.title}"`);
        response.writeHead(204).end();
      }),
      ({ stop }) => stop(),
    );
    const secrets = [`whsec_${Buffer.alloc(32, 7).toString("base64")}`];
    const made = await Promise.all(
      channels.map((name) =>
        call("POST", "/v1/channels", { name, type: "webhook", settings: { url: `${receiver.url}/${name}`, secrets } }),
      ),
    );
    const steps = [{ channels: made.map(({ id }) => id) }];
    for (const rule of [
      { name: "prompt", tags: ["prompt"], events: ["down", "degraded", "up"], group: "0s" },
      { name: "patient", tags: ["patient"], events: ["down", "degraded", "up"], group: "5s" },
      { name: "regions", events: ["region_impaired", "region_recovered"], group: "0s" },
    ])
      await call("POST", "/v1/alert-rules", { ...rule, steps });

    await until(
      async () => (await call("GET", "/v1/regions")).data,
      (known) => known.filter(({ agents }: any) => agents.online === 1).length === regions.length,
      { withinMs: 30_000 },
    ).catch((thrown) => {
      throw new Error(`${thrown.message}\n${agents.map((agent) => agent.output()).join("\n")}`);
    });
    for (const [n, name] of names.entries()) {
      const monitor = await call("POST", "/v1/monitors", {
        name,
        type: "http",
        interval: "2s",
        timeout: "1s",
        tags: [monitors[name]],
        http: { url: `http://${internet.targets[n]}/` },
      });
      ids[name] = monitor.id;
    }
    for (const name of names) await seen(name, "up");
    tell("every monitor is seen up from every region");
  });
  afterAll(async () => {
    for (const stop of stops) await stop();
    console.log(story.join("\n"));
  });
  afterEach(({ task }) => {
    tell(`— ${task.result?.state === "fail" ? "FAILED" : "passed"}: ${task.name}`);
  });

  const status = async (name: Name) => (await call("GET", `/v1/monitors/${ids[name]}`)).status;
  /** Waits until each region sees it so and that is the verdict. */
  const seen = (name: Name, wanted: string) =>
    until(
      () => status(name),
      ({ verdict, regions: by }) =>
        verdict === wanted && regions.every((region) => (by[region]?.status ?? wanted) === wanted),
      { withinMs: 20_000 },
    );
  const target = (name: Name) => internet.targets[names.indexOf(name)] as string;
  const incidentsOf = async (name: Name) => (await call("GET", `/v1/incidents?monitor=${ids[name]}`)).data;
  const regionOf = async (wanted: string) =>
    (await call("GET", "/v1/regions")).data.find(({ region }: any) => region === wanted);
  const about = (name: Name) => messages.filter(({ monitors }) => monitors.some(({ id }: any) => id === ids[name]));

  /** The incident as soon as it is committed. */
  const committed = (name: Name) =>
    until(
      async () => (await database.query("SELECT * FROM incidents WHERE monitor_id = $1", [ids[name]])).rows[0],
      (row) => row !== undefined,
      { withinMs: 20_000, everyMs: 10 },
    );
  const deliveriesOf = async (name: Name): Promise<string[]> =>
    (await database.query("SELECT state FROM deliveries WHERE monitor_id = $1", [ids[name]])).rows.map(
      ({ state }) => state,
    );

  /** Waits until each channel was told so much, and nothing is left to be told; in the order of the channels. */
  async function told(filter: () => any[], count = channels.length): Promise<any[]> {
    await until(filter, (some) => some.length >= count, { withinMs: 30_000 });
    await until(
      async () =>
        (
          await database.query(`SELECT id FROM notices WHERE routed_at IS NULL UNION ALL
                                SELECT id FROM deliveries WHERE state IN ('planned', 'queued', 'sending')`)
        ).rows,
      (left) => left.length === 0,
      { withinMs: 30_000 },
    );
    return filter().sort((a, b) => (a.channel < b.channel ? -1 : 1));
  }
  const events = (some: any[]) => some.map(({ channel, type }) => `${channel} ${type}`);
  const once = (event: string) => channels.map((channel) => `${channel} ${event}`);

  test("a region that is cut from one target is named, and nothing is called down", async () => {
    await internet.places[1]?.cut(target("Blog"));
    tell("eu-west is cut from Blog");
    await until(
      () => status("Blog"),
      ({ verdict }) => verdict === "degraded",
      { withinMs: 20_000 },
    );
    const degraded = await told(() => about("Blog"));
    expect(events(degraded)).toEqual(once("degraded"));
    const [incident, ...more] = await incidentsOf("Blog");
    expect(more).toEqual([]);
    expect(incident).toMatchObject({ kind: "regional", level: "degraded", regions: ["eu-west"] });
    for (const { evidence } of degraded)
      expect(evidence.map(({ region, status }: any) => `${region} ${status}`)).toEqual([
        "ap-south up",
        "eu-west down",
        "us-east up",
      ]);
    expect((await regionOf("eu-west")).impaired).toBeNull();

    await internet.places[1]?.mend(target("Blog"));
    tell("eu-west reaches Blog again");
    await seen("Blog", "up");
    expect(events((await told(() => about("Blog"), 4)).filter(({ type }) => type !== "degraded"))).toEqual(once("up"));
  });

  test("a region that is cut from every target is flagged, told of once, and nothing else is told", async () => {
    const before = messages.length;
    await internet.places[1]?.cut();
    tell("eu-west is cut from every target");
    const region = await until(
      () => regionOf("eu-west"),
      ({ impaired }) => impaired,
      { withinMs: 20_000 },
    );
    expect(region.agents.online).toBe(1);
    expect(region.impaired.reason).toMatch(/unrelated targets fail here that other regions see well/);
    for (const name of names)
      await until(
        () => status(name),
        ({ verdict }) => verdict === "up",
      );

    await internet.places[1]?.mend();
    tell("eu-west reaches the targets again");
    await until(
      () => regionOf("eu-west"),
      ({ impaired }) => impaired === null,
      { withinMs: 20_000 },
    );
    const news = await told(() => messages.slice(before), 4);
    expect(events(news.filter(({ type }) => type === "region_impaired"))).toEqual(once("region_impaired"));
    expect(events(news.filter(({ type }) => type === "region_recovered"))).toEqual(once("region_recovered"));
    expect(news).toHaveLength(4);
    for (const name of names) await seen(name, "up");
    for (const name of names) expect(await incidentsOf(name)).toHaveLength(name === "Blog" ? 1 : 0);
  });

  test("a target that is cut from all is one global incident, told once per channel, and so is its end", async () => {
    const cutAt = Date.now();
    await internet.cut(target("Shop"));
    tell("Shop is cut from all");
    const beginning = await told(() => about("Shop"));
    expect(events(beginning)).toEqual(once("down"));
    for (const { incident, evidence, title } of beginning) {
      expect(title).toBe("DOWN: Shop");
      expect(incident.kind).toBe("global");
      expect(Date.parse(incident.startedAt)).toBeGreaterThan(cutAt);
      expect(evidence.map(({ region }: any) => region)).toEqual(regions);
    }
    const [incident, ...more] = await until(
      () => incidentsOf("Shop"),
      ([one]) => one.regions.length === 3,
    );
    expect(more).toEqual([]);
    expect(incident).toMatchObject({ kind: "global", level: "down", state: "open", regions });
    const { evidence } = await call("GET", `/v1/incidents/${incident.id}`);
    for (const seen of evidence)
      expect(seen).toMatchObject({ status: "down", address: target("Shop"), error: { code: "connect_timeout" } });

    await internet.mend(target("Shop"));
    tell("Shop is back");
    const end = (await told(() => about("Shop"), 4)).filter(({ type }) => type !== "down");
    expect(events(end)).toEqual(once("up"));
    for (const message of end) {
      expect(message.incident.id).toBe(incident.id);
      const { startedAt, recoveredAt, durationMs } = message.incident;
      expect(durationMs).toBe(Date.parse(recoveredAt) - Date.parse(startedAt));
      expect(durationMs).toBeGreaterThan(0);
      expect(message.title).toBe(`UP: Shop (after ${Math.floor(durationMs / 1_000)} s)`);
    }
    expect(await incidentsOf("Shop")).toHaveLength(1);
  });

  async function expectToldOnce(name: Name, incidentId: string, before: number): Promise<void> {
    const news = await told(() => messages.slice(before));
    expect(events(news)).toEqual(once("down"));
    for (const { incident } of news) expect(incident).toMatchObject({ id: incidentId, kind: "global" });
    expect(await deliveriesOf(name)).toEqual(["sent", "sent"]);
    expect((await incidentsOf(name)).filter(({ level }: any) => level === "down")).toHaveLength(1);
  }

  test("a coordinator that is killed between incident and message leaves one message per channel to the next", async () => {
    const before = messages.length;
    await internet.cut(target("Bank"));
    tell("Bank is cut from all");
    const { id } = await committed("Bank");
    expect(await coordinators[0]?.end("SIGKILL")).toBeNull();
    const planned = await deliveriesOf("Bank");
    tell(
      `the only coordinator, ${coordinators[0]?.pid}, is killed after the incident, ${planned.length} messages planned`,
    );
    expect(about("Bank")).toEqual([]);
    expect(planned.filter((state) => state !== "planned")).toEqual([]);

    front.lead((await startCoordinator()).url);
    await expectToldOnce("Bank", id, before);
  });

  test("so does one of two that run", async () => {
    await startCoordinator();
    await seen("Mail", "up");
    const before = messages.length;
    await internet.cut(target("Mail"));
    tell("Mail is cut from all");
    const { id } = await committed("Mail");
    await until(
      () => deliveriesOf("Mail"),
      ({ length }) => length === channels.length,
      { everyMs: 10 },
    );
    const [, killed, left] = coordinators as [CoordinatorProcess, CoordinatorProcess, CoordinatorProcess];
    expect(await killed.end("SIGKILL")).toBeNull();
    tell(`its messages are planned, and one of two coordinators, ${killed.pid}, is killed`);
    expect(about("Mail")).toEqual([]);
    expect(await deliveriesOf("Mail")).toEqual(["planned", "planned"]);

    front.lead(left.url);
    await expectToldOnce("Mail", id, before);
  });
});
