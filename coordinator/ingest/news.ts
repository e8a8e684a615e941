import type { Monitor } from "../../shared/monitor.ts";
import type { RegionStatus } from "../store/status.ts";
import { freshnessMs } from "../verdict/verdict.ts";

/** About 150 bytes each. When there are more, all are forgotten, and the next status of each counts as news again. */
const MAX_REMEMBERED = 200_000;

type Told = Pick<RegionStatus, "monitorId" | "region" | "attempt" | "status" | "scheduledAt">;

export interface NewsDeps {
  readonly monitorOf: (monitorId: string) => Pick<Monitor, "updatedAt" | "intervalMs" | "timeoutMs"> | undefined;
  readonly now: () => number;
  /** How long what is no news may be held back, in ms: the vote before it has to be fresh for longer. */
  readonly holdMs: number;
}

/**
 * Tells a status that may change a verdict from one that merely renews a vote. No news is an `up` in turn after an `up` whose vote still counts: it was of the
 * monitor's current revision, and is fresh for long enough. Another coordinator may
 * have seen the region's target fail in between, which this one does not know.
 * @returns whether the status is news.
 */
export function createNewsSense({ monitorOf, now, holdMs }: NewsDeps): (status: Told) => boolean {
  const lastUp = new Map<string, number>();
  return ({ monitorId, region, attempt, status, scheduledAt }) => {
    const key = `${monitorId} ${region}`;
    const before = lastUp.get(key);
    if (status !== "up") {
      lastUp.delete(key);
      return true;
    }
    if (before === undefined && lastUp.size >= MAX_REMEMBERED) lastUp.clear();
    if (before === undefined || before < scheduledAt) lastUp.set(key, scheduledAt);
    const monitor = monitorOf(monitorId);
    if (attempt > 0 || before === undefined || !monitor || before < monitor.updatedAt) return true;
    return before + freshnessMs(monitor) <= now() + holdMs;
  };
}
