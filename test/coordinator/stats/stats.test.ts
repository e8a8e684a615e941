import { afterAll, beforeAll, expect, test } from "vitest";
import { dueAt, firstDueAt, roundAt } from "../../../coordinator/schedule/due.ts";
import { shardOf } from "../../../coordinator/schedule/shard.ts";
import { SLOT_MS } from "../../../coordinator/schedule/slot.ts";
import type { StatsDeps } from "../../../coordinator/stats/stats.ts";
import { statsOf } from "../../../coordinator/stats/stats.ts";
import type { ResultStore, StoredMiss, StoredResult } from "../../../coordinator/store/results.ts";
import { newId } from "../../../shared/id.ts";
import type { GivenMonitor, Monitor } from "../../../shared/monitor.ts";
import { accountsOf, makeAt } from "../../support/accounts.ts";
import { aResult } from "../../support/hand-agent.ts";
import { testStores } from "../../support/stores.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const REGIONS = ["eu-west", "us-east"];
/** Ten days ago, on the hour: everything in the test's windows is settled, and nothing is too old to be kept. */
const START = (Math.floor(Date.now() / HOUR) - 240) * HOUR;

let stores: Awaited<ReturnType<typeof testStores>>;
let deps: StatsDeps;
beforeAll(async () => {
  stores = await testStores();
  deps = accountsOf(stores);
  for (const region of REGIONS) await deps.regions.add(region);
  await stores.postgres.query("UPDATE regions SET created_at = $1", [new Date(START - HOUR)]);
});
afterAll(() => stores?.stop());

/** A monitor of one check a minute and region, which has existed since START. */
const make = (id: string): Promise<Monitor> => makeAt(stores, deps, id, START);

/** The n-th check from START on. */
function due(monitorId: string, region: string, n: number) {
  const firstDue = firstDueAt({ id: monitorId, intervalMs: 60_000, stagger: true }, REGIONS, region);
  const round = roundAt(firstDue, 60_000, START - 1) + 1 + n;
  return { round, scheduledAt: dueAt(firstDue, 60_000, round) };
}

function results(
  monitorId: string,
  region: string,
  rounds: number,
  changes: Partial<StoredResult> = {},
): StoredResult[] {
  return Array.from({ length: rounds }, (_, round) => {
    const key = { monitorId, attempt: 0, ...due(monitorId, region, round) };
    const { scheduledAt } = key;
    return {
      ...aResult(key as never),
      region,
      agentId: "a",
      receivedAt: scheduledAt,
      latencyMs: round + 1,
      ...changes,
    };
  });
}

const store = async (some: readonly StoredResult[]) =>
  deps.results.append(await deps.results.unstored(some, false), newId("job"));
const miss = (some: readonly StoredMiss[]) => deps.results.appendMisses(some, newId("job"));

const stats = (monitor: Monitor, hours = 1, region: string | null = null) =>
  statsOf(deps, monitor, { from: START, to: START + hours * HOUR, region, now: START + 1_000 * HOUR });

test("results, misses and gaps account for every scheduled check, and a repetition counts once everywhere", async () => {
  const monitor = await make("mon_s1");
  const eu = results(monitor.id, "eu-west", 50);
  await store(eu);
  await store(eu.slice(0, 20));
  await store([
    ...results(monitor.id, "us-east", 30),
    ...results(monitor.id, "us-east", 2, { attempt: 7, status: "down" }),
  ]);
  const missed = (region: string, from: number, to: number, reason: "no_agent" | "backlog") =>
    Array.from({ length: to - from }, (_, n) => ({
      monitorId: monitor.id,
      region,
      attempt: 0,
      ...due(monitor.id, region, from + n),
      reason,
    }));
  // Some of the reported misses arrived after all, and some were reported twice.
  await miss([...missed("eu-west", 45, 54, "no_agent"), ...missed("us-east", 30, 40, "backlog")]);
  await miss(missed("us-east", 35, 40, "backlog"));
  const shard = shardOf(monitor.id);
  await stores.postgres.query("INSERT INTO shard_gaps VALUES ($1, $2, $3)", [
    shard,
    (START + 45 * 60_000) / SLOT_MS,
    (START + 60 * 60_000) / SLOT_MS - 1,
  ]);

  const { regions, total } = await stats(monitor);
  expect(regions).toMatchObject([
    {
      region: "eu-west",
      scheduled: 60,
      results: 50,
      missed: { no_agent: 4, expired: 0, backlog: 0, coordinator_down: 6 },
      coverage: 50 / 60,
      uptime: 1,
      statuses: { up: 50, degraded: 0, down: 0, error: 0 },
      latency: { avgMs: 25.5, maxMs: 50 },
    },
    {
      region: "us-east",
      scheduled: 60,
      results: 30,
      missed: { no_agent: 0, expired: 5, backlog: 10, coordinator_down: 15 },
      coverage: 0.5,
      uptime: 30 / 32,
      statuses: { up: 30, degraded: 0, down: 2, error: 0 },
    },
  ]);
  expect(total).toMatchObject({ scheduled: 120, results: 80, coverage: 80 / 120, uptime: 80 / 82 });
  expect((await stats(monitor, 1, "us-east")).regions.map(({ region }) => region)).toEqual(["us-east"]);
});

test("a pause schedules nothing: it lowers neither coverage nor uptime", async () => {
  const monitor = await make("mon_s2");
  await deps.monitors.change(monitor.id, (current) => ({ ...current, enabled: false }) as GivenMonitor);
  await stores.postgres.query("UPDATE monitor_revisions SET valid_from = $2 WHERE monitor_id = $1 AND revision = 2", [
    monitor.id,
    new Date(START + 30 * 60_000),
  ]);
  await store([...results(monitor.id, "eu-west", 30), ...results(monitor.id, "us-east", 30)]);
  const { total } = await stats(monitor);
  expect(total).toMatchObject({ scheduled: 60, results: 60, coverage: 1, uptime: 1 });
});

test("a window ends where every check is settled", async () => {
  const monitor = await make("mon_s3");
  const now = START + HOUR;
  const { to } = await statsOf(deps, monitor, { from: START, to: now + HOUR, region: null, now });
  expect(now - to).toBe(60_000 + 10_000 + 5_000);
});

test("a result that the schedule does not contain is an extra one: it makes up for none that is missing", async () => {
  const monitor = await make("mon_s4");
  await deps.monitors.change(monitor.id, (current) => ({ ...current, enabled: false }) as GivenMonitor);
  await stores.postgres.query("UPDATE monitor_revisions SET valid_from = $2 WHERE monitor_id = $1 AND revision = 2", [
    monitor.id,
    new Date(START + 30 * 60_000),
  ]);
  const eu = results(monitor.id, "eu-west", 40);
  const [first] = eu as [StoredResult];
  await store([
    // Two of the thirty are missing, and ten come after the pause.
    ...eu.slice(2),
    // Beside the rhythm, and at an instant of the rhythm with the number of another round.
    { ...first, scheduledAt: first.scheduledAt + 7, round: 1 },
    { ...first, round: 2 },
    ...results(monitor.id, "us-east", 30),
  ]);
  for (const expected of ["few", "many"] as const) {
    const { regions } = await statsOf({ ...deps, results: expected === "few" ? deps.results : fromSums() }, monitor, {
      from: START,
      to: START + 2 * HOUR,
      region: null,
      now: START + 1_000 * HOUR,
    });
    const [seen, other] = regions;
    expect(seen).toMatchObject({ scheduled: 30, missed: { expired: expected === "few" ? 2 : 0 } });
    expect(seen?.statuses.up).toBe(40);
    expect(other).toMatchObject({ scheduled: 30, results: 30 });
    for (const { scheduled, results, missed } of regions) {
      expect(results + Object.values(missed).reduce((sum, count) => sum + count, 0)).toBe(scheduled);
    }
  }
});

/** Reads the sums per minute, however few the results are. */
function fromSums(): ResultStore {
  return {
    ...deps.results,
    summarize: (id, [part], plan) =>
      deps.results.summarize(id, part ? [{ ...part, table: "results_minutes" }] : [], plan),
  };
}

test("where single results are no longer kept, the window is of whole minutes, and still accounted for", async () => {
  const monitor = await make("mon_s5");
  await store([...results(monitor.id, "eu-west", 60), ...results(monitor.id, "us-east", 60)]);
  const keptFor = { results: DAY, minutes: 2_000 * HOUR, hours: 2_000 * HOUR };
  const window = { from: START + 90_500, to: START + HOUR - 90_500, region: null, now: START + 1_000 * HOUR };
  const { from, to, total } = await statsOf({ ...deps, keptFor }, monitor, window);
  expect([from, to]).toEqual([START + 60_000, START + HOUR - 120_000]);
  expect(total).toMatchObject({ scheduled: 2 * 57, results: 2 * 57, coverage: 1 });
});
