import { afterAll, beforeAll, expect, test } from "vitest";
import { shardOf } from "../../../coordinator/schedule/shard.ts";
import { SLOT_MS } from "../../../coordinator/schedule/slot.ts";
import { lastDays } from "../../../coordinator/stats/last-day.ts";
import type { UptimeDeps } from "../../../coordinator/stats/monitor-uptime.ts";
import { monitorUptime } from "../../../coordinator/stats/monitor-uptime.ts";
import { createVerdictHistoryStore } from "../../../coordinator/store/verdict-history.ts";
import { accountsOf, makeAt } from "../../support/accounts.ts";
import { testStores } from "../../support/stores.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Half past twelve: the hours are those before now, and not those of the clock. */
const NOW = (Math.floor(Date.now() / DAY) - 2) * DAY + 12.5 * HOUR;

let stores: Awaited<ReturnType<typeof testStores>>;
let deps: UptimeDeps;
beforeAll(async () => {
  stores = await testStores();
  deps = { ...accountsOf(stores), verdictHistory: createVerdictHistoryStore(stores.postgres) };
});
afterAll(() => stores?.stop());

async function make(id: string, madeAt: number, ...changes: ReadonlyArray<readonly [at: number, verdict: string]>) {
  const monitor = await makeAt(stores, deps, id, madeAt, {});
  await stores.postgres.query("DELETE FROM verdict_changes WHERE monitor_id = $1", [id]);
  for (const [at, verdict] of changes)
    await stores.postgres.query("INSERT INTO verdict_changes VALUES ($1, $2, $3)", [id, new Date(at), verdict]);
  return monitor;
}

test("each hour shows the worst of it, and the uptime is that of the monitor's own page", async () => {
  const begin = NOW - DAY;
  const monitors = [
    await make("mon_d1", NOW - 40 * DAY, [NOW - 40 * DAY, "up"]),
    await make(
      "mon_d2",
      NOW - 40 * DAY,
      [NOW - 30 * DAY, "down"],
      [begin + 2 * HOUR, "up"],
      [begin + 5.9 * HOUR, "degraded"],
      [begin + 6.1 * HOUR, "down"],
      [begin + 6.2 * HOUR, "up"],
      [begin + 10 * HOUR, "paused"],
      [begin + 12 * HOUR, "up"],
    ),
    await make("mon_d3", NOW - 90 * MINUTE, [NOW - 80 * MINUTE, "up"]),
    await make("mon_d4", NOW - 40 * DAY),
  ];
  // Nobody had this one checked for three hours, and people were shown "up" meanwhile.
  const gap = { from: (NOW - 6 * HOUR) / SLOT_MS, to: (NOW - 3 * HOUR) / SLOT_MS - 1 };
  await stores.postgres.query("INSERT INTO shard_gaps VALUES ($1, $2, $3)", [shardOf("mon_d1"), gap.from, gap.to]);

  const shown = await lastDays(deps, monitors, NOW);
  const letters = shown.map(({ hours }) => hours.map((worst) => worst?.[0] ?? ".").join(""));
  expect(letters).toEqual([
    // The last votes were still fresh at the beginning of the first of the three.
    "uuuuuuuuuuuuuuuuuuu..uuu",
    "dduuudduuu..uuuuuuuuuuuu",
    "......................uu",
    "........................",
  ]);
  for (const [n, monitor] of monitors.entries()) {
    const { windows } = await monitorUptime(deps, monitor, NOW);
    expect(shown[n]).toMatchObject({ monitorId: monitor.id, uptime: windows[0]?.uptime });
  }
});
