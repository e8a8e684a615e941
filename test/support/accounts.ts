import type { StatsDeps } from "../../coordinator/stats/stats.ts";
import { createMonitorStore } from "../../coordinator/store/monitors.ts";
import { createRegionStore } from "../../coordinator/store/regions.ts";
import { createResultStore } from "../../coordinator/store/results.ts";
import { createShardStore } from "../../coordinator/store/shards.ts";
import type { GivenMonitor, Monitor } from "../../shared/monitor.ts";
import { aMonitor } from "./monitors.ts";
import { testBox } from "./secrets.ts";
import type { testStores } from "./stores.ts";

const DAY_MS = 86_400_000;

type Stores = Awaited<ReturnType<typeof testStores>>;

/** What figures of the past are worked out of. */
export function accountsOf({ postgres, clickhouse }: Stores): StatsDeps {
  return {
    monitors: createMonitorStore(postgres, testBox),
    regions: createRegionStore(postgres),
    results: createResultStore(clickhouse),
    shards: createShardStore(postgres),
    keptFor: { results: 90 * DAY_MS, minutes: 120 * DAY_MS, hours: 800 * DAY_MS },
  };
}

/** A monitor that was made at an instant, and has been as it is since. */
export async function makeAt(
  { postgres }: Stores,
  { monitors }: Pick<StatsDeps, "monitors">,
  id: string,
  madeAt: number,
  changes: Partial<Monitor> = {},
): Promise<Monitor> {
  const { revision: _, createdAt: __, updatedAt: ___, id: ____, ...spec } = aMonitor(changes);
  await monitors.create(id, spec as GivenMonitor);
  const made = [id, new Date(madeAt)];
  await postgres.query("UPDATE monitors SET created_at = $2, updated_at = $2 WHERE id = $1", made);
  await postgres.query("UPDATE monitor_revisions SET valid_from = $2 WHERE monitor_id = $1", made);
  return (await monitors.get(id)) as Monitor;
}
