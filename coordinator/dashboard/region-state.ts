import { parseDuration } from "../../shared/duration.ts";
import type { MonitorRow, RegionRow, RegionStatus } from "../http/api-types.ts";
import { freshnessMs } from "../verdict/verdict.ts";

/** What a region has to say about a monitor at a moment. */
export type RegionState =
  /** It does not check this monitor, or nobody does while it is paused. */
  | { readonly kind: "none" }
  /** It is to, and has not yet. */
  | { readonly kind: "awaited" }
  /** Its last result is too old to count. */
  | { readonly kind: "stale"; readonly last: RegionStatus }
  | { readonly kind: "fresh"; readonly last: RegionStatus };

/** @param known the regions that `all` stands for. */
export function regionState(monitor: MonitorRow, region: string, known: ReadonlySet<string>, now: number): RegionState {
  if (monitor.enabled === false) return { kind: "none" };
  const last = monitor.status.regions[region];
  const isChecked = monitor.regions === "all" ? known.has(region) : monitor.regions?.includes(region);
  if (last === undefined) return { kind: isChecked ? "awaited" : "none" };
  const isFresh = Date.parse(last.lastCheckAt) + freshnessMs(timingOf(monitor)) > now;
  return { kind: isFresh ? "fresh" : "stale", last };
}

/** The API writes durations out as text; these are always there in what it returns. */
function timingOf({ interval = 0, timeout = 0 }: MonitorRow) {
  return { intervalMs: parseDuration(interval) ?? 0, timeoutMs: parseDuration(timeout) ?? 0 };
}

/** The regions that have something to say about the monitor, in order. */
export function regionsOf(monitor: MonitorRow, known: readonly string[]): string[] {
  const wanted = monitor.regions === "all" ? known : (monitor.regions ?? []);
  return [...new Set([...wanted, ...Object.keys(monitor.status.regions)])].sort();
}

/** The known regions, and those that monitors name but where no agent was ever seen. */
export function everyRegion(known: readonly RegionRow[], monitors: readonly MonitorRow[]): RegionRow[] {
  const names = new Set(known.map(({ region }) => region));
  const named = new Set(monitors.flatMap((monitor) => regionsOf(monitor, [])));
  const unseen = [...named].filter((region) => !names.has(region));
  const rows = unseen.map((region) => ({
    region,
    agents: { online: 0, taking: 0, total: 0 },
    lastResultAt: null,
    impaired: null,
    troubles: [],
  }));
  return [...known, ...rows].sort((a, b) => (a.region < b.region ? -1 : 1));
}
