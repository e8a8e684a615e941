import { groupBy } from "../../shared/group-by.ts";
import { freshnessMs, type Policy } from "../verdict/verdict.ts";

/** What one region saw of a monitor last. Times are ms since the epoch. */
export interface Sight {
  readonly monitorId: string;
  readonly region: string;
  readonly isWell: boolean;
  /** When the first check of the unbroken row with this status ended. */
  readonly since: number;
  /** The instant of the latest check. */
  readonly scheduledAt: number;
  /** When it ended. */
  readonly checkedAt: number;
}

/** What there is to know of a monitor that is looked at from several places. */
export interface Watched {
  readonly id: string;
  /** What it looks at; monitors of one host are not unrelated. */
  readonly host: string;
  readonly policy: Pick<Policy, "intervalMs" | "timeoutMs">;
  /** The regions whose word counts now. */
  readonly regions: readonly string[];
}

/** One monitor, as a region sees it beside others. */
export interface View {
  readonly monitorId: string;
  readonly host: string;
  /** How long a check of it may take. */
  readonly timeoutMs: number;
  readonly own: Sight;
  /** The fresh sights of the other regions whose word counts. */
  readonly others: readonly Sight[];
}

/** The views that a region has now, of what it and others see; stale sights are left out. */
export function viewsOf(region: string, sights: readonly Sight[], monitors: readonly Watched[], now: number): View[] {
  const byMonitor = groupBy(sights, ({ monitorId }) => monitorId);
  return monitors.flatMap(({ id, host, policy, regions }) => {
    const fresh = (byMonitor.get(id) ?? []).filter(({ scheduledAt }) => scheduledAt + freshnessMs(policy) > now);
    const own = fresh.find((sight) => sight.region === region);
    if (!own) return [];
    const others = fresh.filter((sight) => sight !== own && regions.includes(sight.region));
    return { monitorId: id, host, timeoutMs: policy.timeoutMs, own, others };
  });
}
