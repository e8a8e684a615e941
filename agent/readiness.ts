import type { Readiness } from "./health.ts";
import type { Link } from "./link.ts";
import type { Taking } from "./taking.ts";
import type { CheckWorker } from "./worker.ts";

/** An idle worker fetches every few seconds; one that has not for this long, in ms, is stuck. */
const FETCH_OVERDUE_MS = 30_000;

/** What an agent needs to do its work, and whether it is there. */
export function readinessOf({
  worker: { lastFetchAgoMs, saturated, work },
  link,
  taking: { clockTrouble },
}: {
  readonly worker: Pick<CheckWorker, "lastFetchAgoMs" | "saturated" | "work">;
  readonly link: Pick<Link, "isUp">;
  readonly taking: Pick<Taking, "clockTrouble">;
}): Record<string, Readiness> {
  // One that is not to fetch is well, too: it is drained, or its clock is said to be the reason.
  const fetches = work !== "taking" || (lastFetchAgoMs !== null && (saturated || lastFetchAgoMs < FETCH_OVERDUE_MS));
  return {
    queue: fetches
      ? { ok: true }
      : {
          ok: false,
          reason: lastFetchAgoMs === null ? "no fetch yet" : `no fetch for ${Math.round(lastFetchAgoMs / 1_000)} s`,
        },
    link: link.isUp ? { ok: true } : { ok: false, reason: "the coordinator is not linked" },
    clock: clockTrouble === null ? { ok: true } : { ok: false, reason: clockTrouble },
  };
}
