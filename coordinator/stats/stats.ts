import type { Monitor } from "../../shared/monitor.ts";
import { longestWaitMs } from "../schedule/due.ts";
import type { Stretch } from "../schedule/history.ts";
import { countDue, stretchesOf } from "../schedule/history.ts";
import { shardOf } from "../schedule/shard.ts";
import { SLOT_MS, slotAt } from "../schedule/slot.ts";
import type { MonitorStore } from "../store/monitors.ts";
import type { RegionStore } from "../store/regions.ts";
import type { RegionSummary, ResultStore } from "../store/results.ts";
import type { Gap, ShardStore } from "../store/shards.ts";
import type { Account } from "./account.ts";
import { accountFor } from "./account.ts";

/** How long a result may be under way after its check has ended, in ms. */
const DELIVERY_MS = 5_000;

/** What one region saw of a monitor over a window. */
export interface RegionStats extends Account, Pick<RegionSummary, "statuses" | "latency"> {
  readonly region: string;
  /** Share of the results that were not `down`, from 0 to 1; null without results. `error` is no observation of the target. */
  readonly uptime: number | null;
}

export interface MonitorStats {
  /** The window that the figures are over, in ms since the epoch: `to` is brought forward to where every check is settled. */
  readonly from: number;
  readonly to: number;
  readonly total: Omit<RegionStats, "region" | "latency">;
  readonly regions: readonly RegionStats[];
}

export interface StatsDeps {
  readonly monitors: MonitorStore;
  readonly regions: RegionStore;
  readonly results: ResultStore;
  readonly shards: ShardStore;
}

/**
 * The account of a monitor over a window: what was scheduled, from its revisions;
 * what arrived; and why the rest did not. Uptime is over what was observed and
 * stands beside the coverage.
 * @param region null for all regions that ever checked it in the window.
 */
export async function statsOf(
  { monitors, regions, results, shards }: StatsDeps,
  monitor: Monitor,
  window: { readonly from: number; readonly to: number; readonly region: string | null; readonly now: number },
): Promise<MonitorStats> {
  const settled = window.now - longestWaitMs(monitor) - monitor.timeoutMs - DELIVERY_MS;
  const from = Math.max(window.from, monitor.createdAt);
  const to = Math.max(from, Math.min(window.to, Math.floor(settled)));
  const [revisions, known, summaries, misses, gaps] = await Promise.all([
    monitors.history(monitor.id),
    regions.history(),
    results.summarize(monitor.id, from, to),
    results.countMisses(monitor.id, from, to),
    shards.gaps(shardOf(monitor.id), slotAt(from), slotAt(to)),
  ]);
  const named = revisions.flatMap(({ spec }) => (spec && spec.regions !== "all" ? spec.regions : []));
  const candidates = [...new Set([...known.map(({ region }) => region), ...named])].sort();
  const rows = candidates
    .filter((region) => window.region === null || region === window.region)
    .map((region): RegionStats => {
      const stretches = stretchesOf(monitor.id, revisions, known, region);
      const summary = summaries.get(region);
      const account = accountFor({
        scheduled: countDue(stretches, from, to),
        results: summary?.scheduled ?? 0,
        reported: misses.get(region) ?? {},
        inGaps: countInGaps(stretches, gaps, from, to),
      });
      const statuses = summary?.statuses ?? noStatuses;
      return { region, ...account, statuses, uptime: uptimeOf(statuses), latency: summary?.latency ?? null };
    })
    .filter(({ scheduled, results }) => scheduled + results > 0);
  return { from, to, total: totalOf(rows), regions: rows };
}

const noStatuses: RegionSummary["statuses"] = { up: 0, degraded: 0, down: 0, error: 0 };

function countInGaps(stretches: readonly Stretch[], gaps: readonly Gap[], from: number, to: number): number {
  return gaps.reduce(
    (sum, gap) => sum + countDue(stretches, Math.max(from, gap.from * SLOT_MS), Math.min(to, (gap.to + 1) * SLOT_MS)),
    0,
  );
}

function uptimeOf({ up, degraded, down }: RegionSummary["statuses"]): number | null {
  const observed = up + degraded + down;
  return observed === 0 ? null : (up + degraded) / observed;
}

function totalOf(rows: readonly RegionStats[]): MonitorStats["total"] {
  const sum = (pick: (row: RegionStats) => number): number => rows.reduce((total, row) => total + pick(row), 0);
  const statuses = {
    up: sum((row) => row.statuses.up),
    degraded: sum((row) => row.statuses.degraded),
    down: sum((row) => row.statuses.down),
    error: sum((row) => row.statuses.error),
  };
  const scheduled = sum((row) => row.scheduled);
  const results = sum((row) => row.results);
  return {
    scheduled,
    results,
    missed: {
      no_agent: sum((row) => row.missed.no_agent),
      expired: sum((row) => row.missed.expired),
      backlog: sum((row) => row.missed.backlog),
      coordinator_down: sum((row) => row.missed.coordinator_down),
    },
    coverage: scheduled === 0 ? null : Math.min(1, results / scheduled),
    statuses,
    uptime: uptimeOf(statuses),
  };
}
