import { setImmediate } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, expect, test } from "vitest";
import { adminToken } from "../support/coordinator.ts";
import { startCoordinatorProcess } from "../support/coordinator-process.ts";
import { serveHttp } from "../support/http-server.ts";
import type { ProgramProcess } from "../support/program-process.ts";
import { redisAt, testClickHouse, testDatabase, testQueueServer } from "../support/shared-servers.ts";
import { tempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";
import {
  httpMessages,
  type Message,
  postgresMessages,
  type Ruling,
  redisMessages,
  startMessageRelay,
} from "./message-relay.ts";

/**
 * Two monitors go down at once; everything that a coordinator sends in order to tell of it, to PostgreSQL, to Redis and
 * to the channels, goes through relays, and at one message, just before or just after it, the coordinator is killed.
 * Another one finishes what it began. Whichever message it was, each monitor's outage is told once: to the webhook by
 * one message, maybe repeated under its id; to Slack, which knows no ids, by one message, or else the delivery says
 * that nobody knows.
 *
 * `TOLD_ONCE=all npx vitest run test/faults/told-once.test.ts` dies at every message there is, which takes some
 * ten minutes, and prints each point.
 */
const isWhole = process.env.TOLD_ONCE === "all";

type When = "before" | "after";
/** At which message to die. */
type Point = (label: string, n: number) => boolean;
/** Who goes on: one that is started when the first is dead, or one that was there all the time. */
type Heir = "started then" | "there before";

interface Outcome {
  readonly when: When;
  /** The message at which it died, and its number; null when everything had been told before. */
  readonly at: string | null;
  /** How often a request came to the webhook, and to Slack, for both monitors together. */
  readonly requests: readonly [hook: number, chat: number];
  /** What is known of Slack's messages. */
  readonly chat: readonly string[];
  readonly tookMs: number;
}

interface Request {
  readonly path: string;
  readonly id: string | undefined;
  readonly body: string;
}

const closers: Array<() => Promise<unknown>> = [];
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

/** Stores, channels, a rule, and coordinators that die one after the other. */
async function stage() {
  const [postgres, clickhouse, queues, data] = await Promise.all([
    testDatabase(),
    testClickHouse(),
    testQueueServer("redis"),
    tempDir(),
  ]);
  closers.push(() => Promise.all([postgres.stop(), clickhouse.stop(), queues.stop(), data.remove()]));

  const received: Request[] = [];
  const receiver = await serveHttp(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const id = request.headers["webhook-id"]?.toString();
    received.push({ path: request.url ?? "", id, body: String(Buffer.concat(chunks)) });
    response.writeHead(200).end("ok");
  });
  closers.push(receiver.stop);

  /** What is to die next, and where. */
  let doomed: { readonly when: When; readonly isPoint: Point; readonly die: () => void } | null = null;
  let passed = 0;
  let diedAt: string | null = null;
  const dieAt = (label: string): Ruling => {
    diedAt = label;
    doomed?.die();
    doomed = null;
    return "hold";
  };
  const gate = {
    before({ label }: Message): Ruling {
      if (!doomed) return "pass";
      passed++;
      return doomed.when === "before" && doomed.isPoint(label, passed) ? dieAt(label) : "pass";
    },
    after({ label }: Message): void {
      if (doomed?.when === "after" && doomed.isPoint(label, passed)) dieAt(label);
    },
  };
  const [toPostgres, toRedis, toReceiver] = await Promise.all([
    startMessageRelay(postgres.url, postgresMessages, gate),
    startMessageRelay(queues.url, redisMessages, gate),
    startMessageRelay(receiver.url, httpMessages, gate),
  ]);
  closers.push(() => Promise.all([toPostgres.stop(), toRedis.stop(), toReceiver.stop()]));

  const database = new Client({ connectionString: postgres.url });

  const relayed = { postgres: toPostgres.url, redis: toRedis.url };
  const direct = { postgres: postgres.url, redis: queues.url };
  async function start(roles: string, stores: { readonly postgres: string; readonly redis: string }) {
    const program = await startCoordinatorProcess(
      {
        databaseUrl: stores.postgres,
        clickhouseUrl: clickhouse.url,
        queueServer: redisAt(stores.redis),
        dataDir: data.path,
      },
      { WATCHPOST_ROLES: roles, LOG_LEVEL: "warn" },
    );
    closers.push(() => program.end("SIGKILL"));
    return program;
  }

  const first = await start("api,notify", relayed);
  async function post(path: string, body: object): Promise<any> {
    const response = await fetch(first.url + path, {
      method: "POST",
      headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    expect(response.status, JSON.stringify(answer)).toBe(201);
    return answer;
  }
  const secrets = [`whsec_${Buffer.alloc(32, 7).toString("base64")}`];
  const [hook, chat] = await Promise.all([
    post("/v1/channels", { name: "hook", type: "webhook", settings: { url: `${toReceiver.url}hook`, secrets } }),
    post("/v1/channels", { name: "chat", type: "slack", settings: { url: `${toReceiver.url}chat` } }),
  ]);
  await post("/v1/alert-rules", { name: "all", group: "0s", repeat: "7d", steps: [{ channels: [hook.id, chat.id] }] });
  const tcp = { type: "tcp", enabled: false, tcp: { host: "127.0.0.1", port: 9 } };
  const monitors: string[] = [];
  for (const name of ["Shop", "Till"]) monitors.push((await post("/v1/monitors", { name, ...tcp })).id);
  await database.connect();
  closers.push(() => database.end());

  let living: ProgramProcess | null = first;
  let events = 0;

  /** Both monitors go down, as the judge writes it: incidents and what is to be told of them in one transaction. */
  async function goDown(): Promise<Event> {
    const number = String(++events).padStart(5, "0");
    const names = ["Shop", "Till"].map((name) => `${name}-${number}.`);
    const incidents = monitors.map((_, n) => `inc_00000000000000${number}${n}`);
    await database.query("BEGIN");
    for (const [n, id] of incidents.entries()) {
      const at = new Date();
      const incident = {
        ...{ id, monitorId: monitors[n], region: null, kind: "global", level: "down", evidence: [], notices: 1 },
        ...{ startedAt: at.getTime(), detectedAt: at.getTime(), confirmedAt: at.getTime(), recoveredAt: null },
        ...{ resolvedAt: null, resolution: null, acknowledgedAt: null, acknowledgedBy: null, reopened: 0 },
      };
      await database.query("UPDATE monitors SET spec = jsonb_set(spec, '{name}', to_jsonb($2::text)) WHERE id = $1", [
        monitors[n],
        names[n],
      ]);
      await database.query(
        `INSERT INTO incidents (id, monitor_id, kind, level, started_at, detected_at, confirmed_at, notices, evidence)
         VALUES ($1, $2, 'global', 'down', $3, $3, $3, 1, '[]')`,
        [id, monitors[n], at],
      );
      await database.query(
        "INSERT INTO notices (id, at, event, monitor_id, incident_id, content) VALUES ($1, $2, 'down', $3, $4, $5)",
        [`${id}-1`, at, monitors[n], id, JSON.stringify({ incident })],
      );
    }
    await database.query("COMMIT");
    return { names, incidents };
  }

  /** What is known of every message of an event; of one that went into another, what is known of that. */
  async function messagesOf({ incidents }: Event) {
    const { rows } = await database.query<{ state: string; channel: string; ended: boolean; repeat: number }>(
      `SELECT coalesce(m.state, d.state) AS state, c.name AS channel, d.repeat, coalesce(m.ended_at, d.ended_at) IS NOT NULL AS ended
       FROM deliveries d JOIN channels c ON c.id = d.channel_id LEFT JOIN deliveries m ON m.id = d.merged_into
       WHERE d.incident_id = ANY($1)`,
      [incidents],
    );
    return rows;
  }
  async function isTold(event: Event): Promise<boolean> {
    const first = (await messagesOf(event)).filter(({ repeat }) => repeat === 0);
    return first.length === 2 * event.incidents.length && first.every(({ ended }) => ended);
  }

  async function check({ names, incidents }: Event, at: string): Promise<Pick<Outcome, "requests" | "chat">> {
    const all = await messagesOf({ names, incidents });
    const about = (path: string, name: string) =>
      received.filter((one) => one.path === path && one.body.includes(name));
    const chat = all.filter(({ channel, repeat }) => channel === "chat" && repeat === 0).map(({ state }) => state);
    expect(
      names.map((name) => new Set(about("/hook", name).map(({ id }) => id)).size),
      `${at}: messages to the webhook about each`,
    ).toEqual([1, 1]);
    expect(chat.filter((state) => state !== "sent" && state !== "uncertain")).toEqual([]);
    for (const name of names) {
      const count = about("/chat", name).length;
      expect(count, `${at}: messages to Slack about ${name}, which is ${chat}`).toBeLessThanOrEqual(1);
      if (!chat.includes("uncertain")) expect(count, `${at}: messages to Slack about ${name}`).toBe(1);
    }
    for (const channel of ["hook", "chat"]) {
      const reminders = all.filter((one) => one.channel === channel && one.repeat === 1);
      expect(reminders, `${at}: reminders that are planned for ${channel}`).not.toEqual([]);
    }
    const requests = (path: string) =>
      received.filter((one) => one.path === path && one.body.includes(names[0] as string));
    return { requests: [requests("/hook").length, requests("/chat").length], chat };
  }

  /** Looked at again at the end: what comes too late to be seen at once must not come at all. */
  const later: Array<() => Promise<unknown>> = [];

  /** What comes of it when the coordinator dies at a point. */
  async function dies(when: When, isPoint: Point, heir: Heir): Promise<Outcome> {
    living ??= await start("notify", relayed);
    const own = living;
    // What it sends itself does not count.
    const other = heir === "there before" ? await start("notify", direct) : null;
    const began = performance.now();
    [passed, diedAt] = [0, null];
    doomed = { when, isPoint, die: () => void own.end("SIGKILL") };
    const event = await goDown();
    await until(
      async () => diedAt !== null || (await isTold(event)),
      (over) => over,
    );
    doomed = null;
    // It may have died while it was looked whether all is told.
    const at = diedAt === null ? null : `${passed} ${diedAt}`;
    if (at !== null) {
      await own.exited;
      living = null;
      // Its connections end with it. One that does not is of who was there before, whose way to the channels is the same.
      await setImmediate();
      toReceiver.release();
      if (other === null) living = await start("notify", relayed);
      await until(
        () => isTold(event),
        (told) => told,
        { withinMs: 60_000 },
      );
    }
    await other?.end("SIGKILL");
    await database.query("UPDATE incidents SET resolved_at = now() WHERE id = ANY($1)", [event.incidents]);
    const where = `killed ${when} ${at}`;
    later.push(() => check(event, where));
    return { when, at, tookMs: performance.now() - began, ...(await check(event, where)) };
  }

  return {
    dies,
    async finish() {
      for (const look of later) await look();
    },
  };
}

interface Event {
  readonly names: readonly string[];
  readonly incidents: readonly string[];
}

/** Dies at every message in turn, until there are none left. */
async function sweep(when: When, heir: Heir, side: number, sides: number): Promise<Outcome[]> {
  const { dies, finish } = await stage();
  const outcomes: Outcome[] = [];
  // What goes on beside counts as well, so that the last message is not the same every time.
  for (let [point, ends] = [side + 1, 0]; ends < 3; point += sides) {
    const outcome = await dies(when, (_, n) => n >= point, heir);
    console.log(JSON.stringify({ point, heir, ...outcome, tookMs: Math.round(outcome.tookMs) }));
    outcomes.push(outcome);
    ends = outcome.at === null ? ends + 1 : 0;
  }
  await finish();
  return outcomes;
}

const series = (["before", "after"] as const).flatMap((when) =>
  (["started then", "there before"] as const).map((heir) => ({ when, heir })),
);

test.runIf(isWhole).each(series)(
  "killed $when any message, an outage is told once by one who was $heir",
  async ({ when, heir }) => {
    const sides = 3;
    const outcomes = await Promise.all(Array.from({ length: sides }, (_, side) => sweep(when, heir, side, sides)));
    const points = outcomes.flat().filter(({ at }) => at !== null);
    const uncertain = points.filter(({ chat }) => chat.includes("uncertain")).length;
    const again = points.filter(({ requests: [hook] }) => hook > 1).length;
    console.log(
      `${when}, ${heir}: ${points.length} points, ${again} repeated to the webhook, ${uncertain} uncertain to Slack`,
    );
    expect(points.length).toBeGreaterThan(20);
  },
  3_600_000,
);

/** Where what is begun is not yet kept, or what is kept is not yet done; each list on a stage of its own. */
const fewPoints: ReadonlyArray<ReadonlyArray<readonly [when: When, label: RegExp]>> = [
  [
    ["before", /^UPDATE notices SET routed_at/],
    ["after", /^UPDATE deliveries d SET state = 'sending'/],
  ],
  [["after", /^request POST .chat/]],
  [["after", /^UPDATE deliveries SET state = \$2/]],
];

test.skipIf(isWhole).concurrent.each(fewPoints.map((points) => [points] as const))(
  "killed at %s, an outage is told once",
  async (points) => {
    const { dies, finish } = await stage();
    for (const [when, label] of points) {
      const outcome = await dies(when, (candidate) => label.test(candidate), "started then");
      expect(outcome.at).not.toBeNull();
    }
    await finish();
  },
  90_000,
);
