import { readdir } from "node:fs/promises";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { createSpool } from "../../../coordinator/ingest/spool.ts";
import { createStorage } from "../../../coordinator/ingest/storage.ts";
import { createMetrics } from "../../../coordinator/metrics.ts";
import { openClickHouse } from "../../../coordinator/store/clickhouse.ts";
import { createInsertLock } from "../../../coordinator/store/insert-lock.ts";
import { migrate } from "../../../coordinator/store/migrate.ts";
import { openPostgres } from "../../../coordinator/store/postgres.ts";
import type { ResultStore, StoredResult } from "../../../coordinator/store/results.ts";
import { createResultStore } from "../../../coordinator/store/results.ts";
import { newId } from "../../../shared/id.ts";
import type { Logger } from "../../../shared/logger.ts";
import { createLogger } from "../../../shared/logger.ts";
import { aResult } from "../../support/hand-agent.ts";
import type { Relay } from "../../support/relay.ts";
import { startRelay } from "../../support/relay.ts";
import { testClickHouse, testDatabase } from "../../support/shared-servers.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { until } from "../../support/until.ts";

const silent = createLogger({ level: "silent", name: "test" });
const MINUTE = 60_000;
const START = (Math.floor(Date.now() / 3_600_000) - 2) * 3_600_000;

let relay: Relay;
let stop: () => Promise<void>;
let clickhouse: ReturnType<typeof openClickHouse>;
let postgres: ReturnType<typeof openPostgres>;
beforeAll(async () => {
  const [server, database] = await Promise.all([testClickHouse(), testDatabase()]);
  relay = await startRelay(server.url);
  clickhouse = openClickHouse(relay.url);
  postgres = openPostgres(database.url, silent);
  await migrate(postgres, clickhouse, { results: 90, minutes: 120, hours: 800, days: 3_650 });
  stop = async () => {
    await Promise.all([clickhouse.close(), postgres.end()]);
    await relay.stop();
    await Promise.all([server.stop(), database.stop()]);
  };
});
afterAll(() => stop?.());

async function makeStorage(
  dir: string,
  maxBytes = 1e8,
  onError: (text: string) => void = () => undefined,
  changes: Partial<ResultStore> = {},
) {
  const logger: Logger = Object.assign(Object.create(silent), { error: (_: object, text: string) => onError(text) });
  const spool = createSpool({ dir, maxBytes, maxAgeMs: 1e9, now: Date.now, onGivenUp: () => undefined, logger });
  const store = { ...createResultStore(clickhouse), ...changes };
  const storage = createStorage({
    store,
    lock: createInsertLock(postgres, silent),
    spool,
    patienceMs: 200,
    now: Date.now,
    metrics: createMetrics(),
    logger,
  });
  await storage.start();
  return { spool, storage };
}

async function freshDir(): Promise<string> {
  const { path, remove } = await tempDir();
  onTestFinished(remove);
  return path;
}

const results = (monitorId: string, from: number, to: number): StoredResult[] =>
  Array.from({ length: to - from }, (_, n) => {
    const round = from + n;
    const scheduledAt = START + round * MINUTE;
    return {
      ...aResult({ monitorId, round, attempt: 0, scheduledAt } as never),
      region: "eu-west",
      agentId: "a",
      receivedAt: scheduledAt + 20,
    };
  });
const arrivals = (rows: readonly StoredResult[], repeated = false) => rows.map((result) => ({ result, repeated }));

/** As the sums have it and as the rows have it, which must not differ. */
async function counted(monitorId: string): Promise<{ summed: number; rows: number }> {
  const store = createResultStore(clickhouse);
  const sum = (await summed(monitorId, START, START + 3_600_000)) ?? 0;
  const query = { monitorId, region: null, from: null, to: null, after: null, limit: 1_000 };
  return { summed: sum, rows: (await store.list(query)).length };
}

/** Of whole minutes. */
async function summed(monitorId: string, from: number, to: number): Promise<number | undefined> {
  const parts = [{ table: "results_minutes" as const, from, to }];
  return (await createResultStore(clickhouse).summarize(monitorId, parts, null)).get("eu-west")?.scheduled;
}

test("while ClickHouse is away results are spooled, and replayed when it is back, once each", async () => {
  const dir = await freshDir();
  const { spool, storage } = await makeStorage(dir);
  await storage.addResults(arrivals(results("mon_away", 0, 10)));
  relay.cut();
  await storage.addResults(arrivals(results("mon_away", 10, 20)));
  await storage.addResults(arrivals(results("mon_away", 20, 30)));
  // A repetition of what is stored, and one of what is spooled.
  await storage.addResults(arrivals([...results("mon_away", 5, 10), ...results("mon_away", 20, 25)], true));
  expect(spool.blocks).toBe(3);
  relay.mend();
  await until(
    async () => spool.blocks,
    (blocks) => blocks === 0,
  );
  expect(await counted("mon_away")).toEqual({ summed: 30, rows: 30 });
  expect(await readdir(dir)).toEqual([]);
  await storage.stop();
});

test("what a killed coordinator left in its spool is stored by the next one, and what it had stored is not again", async () => {
  const dir = await freshDir();
  relay.cut();
  const killed = await makeStorage(dir);
  await killed.storage.addResults(arrivals(results("mon_killed", 0, 10)));
  await killed.storage.addResults(arrivals(results("mon_killed", 10, 20)));
  await killed.storage.stop();
  relay.mend();
  // The job had not completed: another coordinator was given it.
  const { storage: other } = await makeStorage(await freshDir());
  await other.addResults(arrivals(results("mon_killed", 10, 20), true));
  await other.stop();
  const { spool, storage } = await makeStorage(dir);
  await until(
    async () => spool.blocks,
    (blocks) => blocks === 0,
  );
  await storage.stop();
  expect(await counted("mon_killed")).toEqual({ summed: 20, rows: 20 });
});

test("a full spool keeps results waiting until ClickHouse is back", async () => {
  const dir = await freshDir();
  const errors: string[] = [];
  const { spool, storage } = await makeStorage(dir, 5_000, (text) => errors.push(text));
  relay.cut();
  await storage.addResults(arrivals(results("mon_full", 0, 1)));
  let stored = false;
  const waiting = storage.addResults(arrivals(results("mon_full", 1, 3))).then(() => {
    stored = true;
  });
  await until(
    async () => errors,
    (told) => told.some((text) => /cannot be spooled/.test(text)),
  );
  expect(stored).toBe(false);
  relay.mend();
  await waiting;
  await until(
    async () => spool.blocks,
    (blocks) => blocks === 0,
  );
  expect(await counted("mon_full")).toEqual({ summed: 3, rows: 3 });
  await storage.stop();
});

/** A check that is due now, as two agents found it. */
function twoRuns(monitorId: string, round: number, scheduledAt = Date.now()): [StoredResult, StoredResult] {
  const [first] = results(monitorId, round, round + 1) as [StoredResult];
  const run = { ...first, scheduledAt, startedAt: scheduledAt + 1, receivedAt: scheduledAt + 30 };
  return [run, { ...run, agentId: "b", startedAt: scheduledAt + 4_000, receivedAt: scheduledAt + 4_030 }];
}

test("coordinators that store runs of the same checks in the same moment count each once", async () => {
  const PAIRS = 6;
  const CHECKS = 3;
  const pairs = Array.from({ length: PAIRS }, async (_, pair) => {
    const [one, two] = await Promise.all([makeStorage(await freshDir()), makeStorage(await freshDir())]);
    for (let round = 0; round < CHECKS; round++) {
      const [first, second] = twoRuns(`mon_race${pair}`, round, START + round * MINUTE);
      await Promise.all([one.storage.addResults(arrivals([first])), two.storage.addResults(arrivals([second]))]);
    }
    await Promise.all([one.storage.stop(), two.storage.stop()]);
    return counted(`mon_race${pair}`);
  });
  expect(await Promise.all(pairs)).toEqual(Array(PAIRS).fill({ summed: CHECKS, rows: CHECKS }));
});

test("a repetition is not looked up while its first run is being inserted, however long that takes", async () => {
  const scheduledAt = Date.now() - 1_000;
  const [first, second] = twoRuns("mon_soon", 1, scheduledAt);
  const real = createResultStore(clickhouse);
  let lookedUp = false;
  const isWaiting = async () => {
    const { rows } = await postgres.query(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`);
    return lookedUp || rows.length > 0;
  };
  const one = await makeStorage(await freshDir(), 1e8, undefined, {
    async append(rows, token) {
      await until(isWaiting, Boolean);
      await real.append(rows, token);
    },
  });
  const two = await makeStorage(await freshDir(), 1e8, undefined, {
    unstored(rows, sent) {
      lookedUp = true;
      return real.unstored(rows, sent);
    },
  });
  await Promise.all([
    one.storage.addResults(arrivals([first])),
    // It comes at once, though a second run cannot; and is the younger one in any case.
    two.storage.addResults(arrivals([second], true)),
  ]);
  const minute = Math.floor(scheduledAt / MINUTE) * MINUTE;
  expect(await summed("mon_soon", minute, minute + MINUTE)).toBe(1);
  await Promise.all([one.storage.stop(), two.storage.stop()]);
});

test("of a block that was sent, with nobody knowing what became of it, what another run has taken the place of is left out", async () => {
  const store = createResultStore(clickhouse);
  const [[first, second], [other]] = [twoRuns("mon_sent", 1, START), twoRuns("mon_sent", 2, START + MINUTE)];
  await store.append([second], newId("job"));
  expect(await store.unstored([first, other], true)).toEqual([other]);
  await store.append([other], newId("job"));
  expect(await store.unstored([first, other], true)).toEqual([other]);
  expect(await store.unstored([first, other], false)).toEqual([]);
});
