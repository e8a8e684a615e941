import type { Result } from "../shared/result.ts";

/** About 100 bytes each. When there are more, all are forgotten, and the next result of each counts as news again. */
const MAX_REMEMBERED = 50_000;

/**
 * Tells results that may change a verdict from those that say once more that all is
 * well, so that the latter can wait for company. Another agent of the region may have
 * seen a target fail in between: its recovery is then found by this one without hurry.
 * @returns whether the result is news: anything but `up` in turn after `up`.
 */
export function createNewsSense(): (result: Pick<Result, "monitorId" | "attempt" | "status">) => boolean {
  const up = new Set<string>();
  return ({ monitorId, attempt, status }) => {
    if (status !== "up") {
      up.delete(monitorId);
      return true;
    }
    if (up.has(monitorId)) return attempt > 0;
    if (up.size >= MAX_REMEMBERED) up.clear();
    up.add(monitorId);
    return true;
  };
}
