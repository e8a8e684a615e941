import { groupBy } from "../../shared/group-by.ts";
import { freshnessMs, type Policy } from "../verdict/verdict.ts";

/** For so long, in ms and in intervals, a region has to have seen the same of a target that does not waver. */
const MIN_SETTLED_MS = 5 * 60_000;
const SETTLED_INTERVALS = 5;
/** What it sees within this time of a monitor's latest change, and a check's timeout, is what it saw first; in ms. */
const FIRST_CHECK_MS = 60_000;

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
  /** When it was last changed. */
  readonly changedAt: number;
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
  readonly others: readonly Witness[];
}

/** What another region saw. */
export interface Witness extends Sight {
  /** It has been seeing the same for long, or since the monitor was last changed. */
  readonly isSettled: boolean;
}

/** The views that a region has now, of what it and others see; stale sights are left out. */
export function viewsOf(region: string, sights: readonly Sight[], monitors: readonly Watched[], now: number): View[] {
  const byMonitor = groupBy(sights, ({ monitorId }) => monitorId);
  const hostOf = related(monitors, (id) => (byMonitor.get(id) ?? []).flatMap(({ address }) => address ?? []));
  return monitors.flatMap(({ id, host, policy, changedAt, regions }) => {
    const fresh = (byMonitor.get(id) ?? []).filter(({ scheduledAt }) => scheduledAt + freshnessMs(policy) > now);
    const own = fresh.find((sight) => sight.region === region);
    if (!own) return [];
    const settledSince = Math.max(
      now - Math.max(MIN_SETTLED_MS, SETTLED_INTERVALS * policy.intervalMs),
      changedAt + FIRST_CHECK_MS + policy.timeoutMs,
    );
    const others = fresh
      .filter((sight) => sight !== own && regions.includes(sight.region))
      .map((sight) => ({ ...sight, isSettled: sight.since <= settledSince }));
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
