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
  /** Where it went; null when it did not get so far. */
  readonly address: string | null;
}

/** What there is to know of a monitor that is looked at from several places. */
export interface Watched {
  readonly id: string;
  /** The name or address that it looks at. */
  readonly host: string;
  readonly policy: Pick<Policy, "intervalMs" | "timeoutMs">;
  /** The regions whose word counts now. */
  readonly regions: readonly string[];
}

/** One monitor, as a region sees it beside others. */
export interface View {
  readonly monitorId: string;
  /** One name for all that share a host, or an address behind different names: they are not unrelated. */
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
  const hostOf = related(monitors, (id) => (byMonitor.get(id) ?? []).flatMap(({ address }) => address ?? []));
  return monitors.flatMap(({ id, host, policy, regions }) => {
    const fresh = (byMonitor.get(id) ?? []).filter(({ scheduledAt }) => scheduledAt + freshnessMs(policy) > now);
    const own = fresh.find((sight) => sight.region === region);
    if (!own) return [];
    const others = fresh.filter((sight) => sight !== own && regions.includes(sight.region));
    return { monitorId: id, host: hostOf(host), timeoutMs: policy.timeoutMs, own, others };
  });
}

/** Gives all hosts one name that have an address in common, also by way of others. */
function related(
  monitors: readonly Watched[],
  addressesOf: (monitorId: string) => readonly string[],
): (host: string) => string {
  const leaders = new Map<string, string>();
  function leaderOf(name: string): string {
    const next = leaders.get(name);
    if (next === undefined) return name;
    const leader = leaderOf(next);
    leaders.set(name, leader);
    return leader;
  }
  for (const { id, host } of monitors) {
    for (const address of addressesOf(id)) {
      const [one, other] = [leaderOf(host), leaderOf(address)];
      if (one !== other) leaders.set(other, one);
    }
  }
  return leaderOf;
}
