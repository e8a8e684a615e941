import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createClient } from "@clickhouse/client";
import { Redis } from "ioredis";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startAgentProcess } from "../support/agent-process.ts";
import { watchpost } from "../support/cli.ts";
import { adminToken } from "../support/coordinator.ts";
import { type CoordinatorProcess, startCoordinatorProcess } from "../support/coordinator-process.ts";
import { type LiveClient, lookOn } from "../support/live-client.ts";
import type { ProgramProcess } from "../support/program-process.ts";
import { freePort } from "../support/servers.ts";
import { queueKinds, testClickHouse, testDatabase, testQueueServer } from "../support/shared-servers.ts";
import { httpTarget } from "../support/targets.ts";
import { tempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";

/** In every secret that is planted, and nowhere else. */
const planted = /hunter\d\d|aHVudGVy|68756e746572/i;
const password = "hunter02";
const headers = {
  Authorization: `Basic ${Buffer.from(`me:${password}`).toString("base64")}`,
  Cookie: "theme=dark; session=hunter03",
  "X-Api-Key": "hunter04",
  "X-Tenant": { secret: "hunter05" },
};
const body = { secret: JSON.stringify({ user: "me", pin: "hunter06" }) };

describe.each(queueKinds)("with its queues on %s, no secret is told or kept in plain", (kind) => {
  const later: Array<() => Promise<unknown>> = [];
  let databaseUrl: string;
  let clickhouseUrl: string;
  let queues: Awaited<ReturnType<typeof testQueueServer>>;
  let data: string;
  let url: string;
  let coordinator: CoordinatorProcess;
  let agent: ProgramProcess;
  let live: LiveClient;
  const answers: string[] = [];
  const arrived: string[] = [];

  async function call(method: string, path: string, document?: object): Promise<{ status: number; body: any }> {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${adminToken}`, ...(document && { "content-type": "application/json" }) },
      ...(document && { body: JSON.stringify(document) }),
    });
    const text = await response.text();
    answers.push(`${method} ${path}: ${JSON.stringify([...response.headers])} ${text}`);
    return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : text };
  }

  beforeAll(async () => {
    const [database, clickhouse, server, dir] = await Promise.all([
      testDatabase(),
      testClickHouse(),
      testQueueServer(kind),
      tempDir(),
    ]);
    queues = server;
    later.push(() => Promise.all([database.stop(), clickhouse.stop(), server.stop(), dir.remove()]));
    [databaseUrl, clickhouseUrl, data] = [database.url, clickhouse.url, dir.path];
    coordinator = await startCoordinatorProcess(
      { databaseUrl, clickhouseUrl, queueServer: queues.server, dataDir: data },
      // It makes its own key, and keeps it in its directory.
      { WATCHPOST_KEY: "", LOG_LEVEL: "trace" },
    );
    later.push(() => coordinator.end("SIGTERM"));
    url = coordinator.url;
    agent = startAgentProcess({ url, queueServer: queues.server }, "eu-west", "agt-1", { LOG_LEVEL: "trace" });
    later.push(() => agent.end("SIGTERM"));
    await until(
      () => call("GET", "/v1/agents"),
      (answer) => answer.body.data.length === 1,
      { withinMs: 20_000 },
    );
    live = await lookOn(url, adminToken);
    later.push(async () => live.stop());
  });
  afterAll(async () => {
    for (const end of later.reverse()) await end();
  });

  /** Everything in every table of every schema of a PostgreSQL database. */
  async function dumpPostgres(connectionString: string): Promise<string> {
    const client = new pg.Client({ connectionString });
    await client.connect();
    try {
      const { rows } = await client.query<{ name: string }>(
        `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
      );
      expect(rows.length).toBeGreaterThan(2);
      const texts = [];
      for (const { name } of rows) {
        const found = await client.query<{ text: string }>(`SELECT t::text AS text FROM ${name} t`);
        texts.push(...found.rows.map(({ text }) => `${name}: ${text}`));
      }
      return texts.join("\n");
    } finally {
      await client.end();
    }
  }

  async function dumpClickHouse(): Promise<string> {
    const client = createClient({ url: clickhouseUrl });
    try {
      const rowsOf = async (query: string) => (await client.query({ query, format: "JSONEachRow" })).text();
      const tables = (await rowsOf("SELECT name FROM system.tables WHERE database = currentDatabase()"))
        .trim()
        .split("\n");
      expect(tables.length).toBeGreaterThan(1);
      const texts = [];
      for (const line of tables) texts.push(await rowsOf(`SELECT * FROM ${JSON.parse(line).name}`).catch(() => ""));
      return texts.join("\n");
    } finally {
      await client.close();
    }
  }

  async function dumpQueues(): Promise<string> {
    const { server } = queues;
    if (server.kind === "postgres") return dumpPostgres(server.connectionString);
    const redis = new Redis(server.options);
    try {
      const keys = await redis.keys("*");
      const texts = [];
      for (const key of keys) {
        const type = await redis.type(key);
        if (type === "hash") texts.push(JSON.stringify(await redis.hgetall(key)));
        if (type === "list") texts.push(JSON.stringify(await redis.lrange(key, 0, -1)));
        if (type === "string") texts.push(await redis.get(key));
        if (type === "stream") texts.push(JSON.stringify(await redis.xrange(key, "-", "+")));
      }
      return `${keys.join("\n")}\n${texts.join("\n")}`;
    } finally {
      redis.disconnect();
    }
  }

  async function dumpFiles(dir: string): Promise<string> {
    const texts = [];
    for (const entry of await readdir(dir, { withFileTypes: true, recursive: true })) {
      if (entry.isFile()) texts.push(await readFile(join(entry.parentPath, entry.name), "latin1"));
    }
    return texts.join("\n");
  }

  test("whatever is done with it", async () => {
    // A target that gives back all that it was sent, in headers that assertions quote, and fails half of the time.
    const target = await httpTarget(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const sent = `${JSON.stringify(request.headers)} ${Buffer.concat(chunks)}`;
      arrived.push(sent);
      response.statusCode = arrived.length % 2 === 0 ? 500 : 200;
      const { authorization, cookie, "x-api-key": key, "x-tenant": tenant } = request.headers;
      response.setHeader("x-echo", [key, tenant, cookie, authorization].join(" "));
      response.end(sent);
    });
    later.push(() => target.stop());
    const http = { url: `http://127.0.0.1:${target.port}/`, method: "POST", headers, body };
    const echoes = Object.values(headers).map(() => ({
      source: "header",
      name: "x-echo",
      op: "eq",
      value: "fine",
      level: "down",
    }));
    const document = { name: "Shop", type: "http", interval: "1s", regions: ["eu-west"], http, assertions: echoes };
    const { body: monitor } = await call("POST", "/v1/monitors", document);
    const path = `/v1/monitors/${monitor.id}`;

    const closed = await freePort();
    const channels = [
      {
        name: "Mail",
        type: "email",
        settings: {
          host: "127.0.0.1",
          port: closed,
          security: "starttls",
          username: "me",
          password: "hunter10",
          from: "a@a.example",
          to: ["b@a.example"],
        },
      },
      {
        name: "Hook",
        type: "webhook",
        settings: {
          url: `http://127.0.0.1:${target.port}/hunter11`,
          secrets: [`whsec_${Buffer.from("hunter12hunter12hunter12").toString("base64")}`],
          headers: { "x-a": "hunter13" },
        },
      },
      { name: "Slack", type: "slack", settings: { url: `http://127.0.0.1:${closed}/services/hunter14` } },
      { name: "Gotify", type: "gotify", settings: { serverUrl: `http://127.0.0.1:${closed}`, token: "hunter15" } },
    ];
    for (const channel of channels) {
      const { status, body: made } = await call("POST", "/v1/channels", channel);
      expect(status).toBe(201);
      await call("PUT", `/v1/channels/${made.id}`, { ...channel, settings: made.settings });
      await call("POST", `/v1/channels/${made.id}/test`);
    }
    await call("POST", "/v1/alert-rules", { name: "All", channels: [] });

    // What is wrong with a document is said without it.
    await call("POST", "/v1/monitors", {
      ...document,
      http: { ...http, headers: { a: { secret: "hunter20\n" }, b: "hunter21\n" } },
    });
    await call("POST", "/v1/monitors", { ...document, http: { ...http, body: { secret: ["hunter22"] } } });
    await call("PATCH", path, { http: { url: "http://127.0.0.2/" } });
    await call("PATCH", path, { name: "The shop", http: { headers: { "X-New": { secret: "hunter23" } } } });
    await call("POST", "/v1/channels", { name: "Wrong", type: "email", settings: { password: "hunter24", host: 5 } });
    await call("POST", "/v1/channels", {
      name: "Wrong",
      type: "gotify",
      settings: { serverUrl: "http://me:hunter25@a", token: "hunter 26" },
    });

    await until(
      () => call("GET", `${path}/results?limit=100`),
      (answer) => answer.body.data?.length > 5 && answer.body.data.some(({ statusCode }: any) => statusCode === 500),
      { withinMs: 30_000 },
    );
    await until(
      () => call("GET", "/v1/deliveries"),
      (answer) =>
        answer.body.data?.length >= channels.length && answer.body.data.every(({ attempts }: any) => attempts > 0),
      { withinMs: 20_000 },
    );
    const now = Date.now();
    const window = `from=${new Date(now - 60_000).toISOString()}&to=${new Date(now).toISOString()}`;
    for (const read of [
      "/",
      "/metrics",
      "/readyz",
      "/v1/monitors",
      path,
      `${path}/stats?${window}`,
      `${path}/uptime`,
      `${path}/replay?${window}`,
      "/v1/incidents",
      "/v1/regions",
      "/v1/agents",
      "/v1/channels",
      "/v1/channel-types",
      "/v1/alert-rules",
      "/v1/audit",
      "/v1/keys",
      "/v1/tokens",
    ]) {
      await call("GET", read);
    }
    const env = { WATCHPOST_URL: url, WATCHPOST_TOKEN: adminToken };
    for (const command of [
      "monitors",
      "monitors show The~shop",
      "results The~shop",
      "channels",
      "channels show Mail",
      "incidents",
      "audit",
      "keys",
      "deliveries",
    ]) {
      for (const json of [[], ["--json"]]) {
        const { code, out, err } = await watchpost(
          [...command.split(" ").map((word) => word.replace("~", " ")), ...json],
          env,
        );
        expect([command, code, err]).toEqual([command, 0, ""]);
        answers.push(`watchpost ${command}: ${out}`);
      }
    }

    // What the target gave back was quoted, and the target did get them.
    expect(answers.join("\n")).toMatch(/header x-echo eq .{1,9}fine.{1,9}: was .*\*\*\*/);
    for (const secret of ["hunter03", "hunter04", "hunter05", "hunter06"]) expect(arrived.join()).toContain(secret);
    const places = {
      PostgreSQL: await dumpPostgres(databaseUrl),
      ClickHouse: await dumpClickHouse(),
      "the queues": await dumpQueues(),
      files: await dumpFiles(data),
      "the coordinator's log": coordinator.output(),
      "the agent's log": agent.output(),
      answers: answers.join("\n"),
      "live events": JSON.stringify(live.heard),
    };
    expect(live.heard.length).toBeGreaterThan(0);
    for (const [place, text] of Object.entries(places)) {
      expect([place, text.length > 0 || place === "files"]).toEqual([place, true]);
      const line = text.split("\n").find((one) => planted.test(one));
      expect(`${place}: ${line ?? "nothing"}`).toBe(`${place}: nothing`);
    }
  });
});
