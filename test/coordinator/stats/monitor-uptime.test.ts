import { afterAll, beforeAll, expect, test } from "vitest";
import type { TimelineType } from "../../../coordinator/incidents/incident.ts";
import { shardOf } from "../../../coordinator/schedule/shard.ts";
import { SLOT_MS } from "../../../coordinator/schedule/slot.ts";
import type { UptimeDeps } from "../../../coordinator/stats/monitor-uptime.ts";
import { monitorUptime } from "../../../coordinator/stats/monitor-uptime.ts";
import { writeIncidents, writeTimeline } from "../../../coordinator/store/incidents.ts";
import { inTransaction } from "../../../coordinator/store/postgres.ts";
import { createVerdictHistoryStore } from "../../../coordinator/store/verdict-history.ts";
import type { Monitor } from "../../../shared/monitor.ts";
import { accountsOf, makeAt } from "../../support/accounts.ts";
import { anIncident } from "../../support/incidents.ts";
import { testStores } from "../../support/stores.ts";

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Noon of a day. */
const NOW = (Math.floor(Date.now() / DAY) - 2) * DAY + 12 * HOUR;
const MADE = NOW - 40 * DAY;

let stores: Awaited<ReturnType<typeof testStores>>;
let deps: UptimeDeps;
beforeAll(async () => {
  stores = await testStores();
  deps = { ...accountsOf(stores), verdictHistory: createVerdictHistoryStore(stores.postgres) };
});
afterAll(() => stores?.stop());

/** A monitor that was made 40 days ago and has been so since. */
async function make(id: string, ...changes: ReadonlyArray<readonly [at: number, verdict: string]>): Promise<Monitor> {
  const monitor = await makeAt(stores, deps, id, MADE, { slo: 99.9 });
  const { postgres } = stores;
  await postgres.query("DELETE FROM verdict_changes WHERE monitor_id = $1", [id]);
  for (const [at, verdict] of changes) {
    await postgres.query("INSERT INTO verdict_changes VALUES ($1, $2, $3)", [id, new Date(at), verdict]);
  }
  return monitor;
}

/** Uptime as it was at an instant. */
const at = async (now: number, monitor: Monitor) => {
  const { windows, days } = await monitorUptime(deps, monitor, now);
  return { of: Object.fromEntries(windows.map((window) => [window.window, window])), days };
};

test("an outage counts from the target's failure to its recovery, in every window that it is in, beside the coverage", async () => {
  const begin = NOW - 3 * DAY;
  const monitor = await make("mon_u1", [MADE, "up"], [begin + 10_000, "down"], [begin + 30 * MINUTE, "up"]);
  const incident = anIncident({
    monitorId: monitor.id,
    startedAt: begin,
    confirmedAt: begin + 10_000,
    recoveredAt: begin + 29 * MINUTE,
    resolvedAt: begin + 30 * MINUTE,
    resolution: "recovered",
  });
  const entry = (type: TimelineType, at: number, data: object) =>
    ({ type, at, monitorId: monitor.id, incidentId: incident.id, data }) as never;
  await inTransaction(stores.postgres, async (client) => {
    await writeIncidents(client, [incident]);
    await writeTimeline(client, [
      entry("opened", incident.confirmedAt, { level: "down", startedAt: begin }),
      entry("resolved", begin + 30 * MINUTE, { resolution: "recovered", recoveredAt: begin + 29 * MINUTE }),
    ]);
  });
  const { of, days } = await at(NOW, monitor);
  expect(of["24h"]).toMatchObject({ uptime: 1, downtimeMinutes: 0, incidents: { down: 0, mttrMs: null } });
  for (const window of ["7d", "30d", "90d"]) {
    expect(of[window]).toMatchObject({
      downtimeMinutes: 29,
      incidents: { down: 1, degraded: 0, mttrMs: 29 * MINUTE, mttdMs: 10_000 },
      // No region is known, so nothing was scheduled.
      coverage: null,
      scheduled: 0,
    });
  }
  expect(of["7d"]?.uptime).toBeCloseTo(1 - (29 * MINUTE) / (7 * DAY), 12);
  expect(of["7d"]?.errorBudget).toMatchObject({ slo: 99.9, allowedMs: (7 * DAY) / 1_000, usedMs: 29 * MINUTE });
  expect(of["7d"]?.errorBudget?.burnRate).toBeGreaterThan(2);
  // The monitor is younger than the longest window.
  expect(of["90d"]).toMatchObject({ from: MADE, observedMs: 40 * DAY });

  expect(days).toHaveLength(41);
  expect(days.filter(({ downtimeMinutes }) => downtimeMinutes > 0)).toMatchObject([
    { from: Math.floor(begin / DAY) * DAY, downtimeMinutes: 29, observedMs: DAY },
  ]);
  expect(days[0]).toMatchObject({ from: Math.floor(NOW / DAY) * DAY, to: NOW, observedMs: 12 * HOUR });
});

test("pauses, maintenance and silence are left out of the uptime, and shown", async () => {
  const monitor = await make(
    "mon_u2",
    [MADE, "up"],
    [NOW - 20 * HOUR, "paused"],
    [NOW - 18 * HOUR, "unknown"],
    [NOW - 17 * HOUR, "up"],
    [NOW - 10 * HOUR, "maintenance"],
    [NOW - 9 * HOUR, "down"],
    [NOW - 8 * HOUR, "up"],
  );
  // No coordinator was there for an hour, and people were shown "up" meanwhile.
  const gap = { from: (NOW - 5 * HOUR) / SLOT_MS, to: (NOW - 4 * HOUR) / SLOT_MS - 1 };
  await stores.postgres.query("INSERT INTO shard_gaps VALUES ($1, $2, $3)", [shardOf(monitor.id), gap.from, gap.to]);
  const { of } = await at(NOW, monitor);
  // The last votes were still fresh for two intervals and the timeout.
  const silentMs = HOUR - (2 * MINUTE + 10_000);
  expect(of["24h"]).toMatchObject({
    durations: {
      downMs: HOUR,
      degradedMs: 0,
      pausedMs: 2 * HOUR,
      maintenanceMs: HOUR,
      unknownMs: HOUR + silentMs,
      upMs: 24 * HOUR - 5 * HOUR - silentMs,
    },
    observedMs: 20 * HOUR - silentMs,
    downtimeMinutes: 60,
  });
  expect(of["24h"]?.uptime).toBeCloseTo(1 - HOUR / (20 * HOUR - silentMs), 12);
});

test("an outage that goes on counts up to now", async () => {
  const monitor = await make("mon_u3", [MADE, "up"], [NOW - HOUR, "down"]);
  await inTransaction(stores.postgres, (client) =>
    writeIncidents(client, [anIncident({ monitorId: monitor.id, startedAt: NOW - HOUR })]),
  );
  const { of } = await at(NOW, monitor);
  expect(of["24h"]).toMatchObject({ downtimeMinutes: 60, incidents: { down: 1, mttrMs: null, mttdMs: 400 } });
});
