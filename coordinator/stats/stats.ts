import type { Monitor } from "../../shared/monitor.ts";
import { longestWaitMs } from "../schedule/due.ts";
import type { KnownRegion, Revision, Stretch } from "../schedule/history.ts";
import { countDue, stretchesOf } from "../schedule/history.ts";
import { shardOf } from "../schedule/shard.ts";
import { SLOT_MS, slotAt } from "../schedule/slot.ts";
import type { MonitorStore } from "../store/monitors.ts";
import type { RegionStore } from "../store/regions.ts";
import type { RegionSummary, ResultStore } from "../store/results.ts";
import type { Gap, ShardStore } from "../store/shards.ts";
import type { KeptFor } from "../store/windows.ts";
import { partsOf } from "../store/windows.ts";
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
  /**
   * The window that the figures are over, in ms since the epoch: `to` is brought forward to where every check is
   * settled, and both to whole minutes, hours or days where single results are no longer kept.
   */
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
  readonly keptFor: KeptFor;
}

/**
 * The account of a monitor over a window: what was scheduled, from its revisions;
 * what arrived; and why the rest did not. Uptime is over what was observed and
 * stands beside the coverage.
 * @param region null for all regions that ever checked it in the window.
 * @param latency whether latencies are wanted: working them out is most of the work.
 */
export async function statsOf(
  { monitors, regions, results, shards, keptFor }: StatsDeps,
  monitor: Monitor,
  window: { readonly from: number; readonly to: number; readonly region: string | null; readonly now: number },
  latency = true,
): Promise<MonitorStats> {
  const settled = window.now - longestWaitMs(monitor) - monitor.timeoutMs - DELIVERY_MS;
  const begin = Math.max(window.from, monitor.createdAt);
  const asked = { from: begin, to: Math.max(begin, Math.min(window.to, Math.floor(settled))) };
  const [revisions, known] = await Promise.all([monitors.history(monitor.id), regions.history()]);
  const planned = planOf(monitor.id, revisions, known, window.region);
  const expected = [...planned.values()].reduce((sum, own) => sum + countDue(own, asked.from, asked.to), 0);
  const { from, to, parts } = partsOf(asked, expected, keptFor, window.now);
  const plan = new Map(
    [...planned].map(([region, own]) => [region, own.filter((one) => one.from < to && one.to > from)]),
  );
  const [summaries, gaps] = await Promise.all([
    results.summarize(monitor.id, parts, plan, latency),
    shards.gaps(shardOf(monitor.id), slotAt(from), slotAt(to)),
  ]);
  const counted = [...plan].map(([region, stretches]) => {
    const summary = summaries.get(region);
    return { region, stretches, summary, scheduled: countDue(stretches, from, to), results: summary?.scheduled ?? 0 };
  });
  const isComplete = counted.every(({ scheduled, results }) => results === scheduled);
  const misses = isComplete ? new Map() : await results.countMisses(monitor.id, { from, to }, plan);
  const rows = counted
    .map(({ region, stretches, summary, scheduled, results }): RegionStats => {
      const reported = misses.get(region) ?? {};
      const account = accountFor({ scheduled, results, reported, inGaps: countInGaps(stretches, gaps, from, to) });
      const statuses = summary?.statuses ?? noStatuses;
      return { region, ...account, statuses, uptime: uptimeOf(statuses), latency: summary?.latency ?? null };
    })
    .filter(
      ({ scheduled, statuses }) => scheduled + statuses.up + statuses.degraded + statuses.down + statuses.error > 0,
    );
  return { from, to, total: totalOf(rows), regions: rows };
}

/** When the monitor was checked, by region, in every region that it ever was to be checked in. */
function planOf(
  monitorId: string,
  revisions: readonly Revision[],
  known: readonly KnownRegion[],
  wanted: string | null,
): Map<string, Stretch[]> {
  const named = revisions.flatMap(({ spec }) => (spec && spec.regions !== "all" ? spec.regions : []));
  const regions = [...new Set([...known.map(({ region }) => region), ...named])].sort();
  return new Map(
    regions
      .filter((region) => wanted === null || region === wanted)
      .map((region) => [region, stretchesOf(monitorId, revisions, known, region)]),
  );
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
