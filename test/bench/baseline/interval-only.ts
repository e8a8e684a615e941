import { quorumOf } from "../../../coordinator/verdict/verdict.ts";
import type { Upcoming } from "../upcoming.ts";
import { upcomingOf } from "../upcoming.ts";

/**
 * How long it takes from the end of the first failing check until a majority of the
 * regions has seen it too, were there no checks but the scheduled ones: computed from
 * the very schedule, with nothing counted for their way to the verdict. In ms.
 */
export function intervalOnlyMs(first: Upcoming, endedAt: number, regions: readonly string[]): number {
  const needed = quorumOf("majority", regions.length);
  const others = regions
    .filter((region) => region !== first.region)
    .map((region) => upcomingOf(first, region, regions, first.scheduledAt).scheduledAt)
    .sort((a, b) => a - b);
  return Math.max(0, (others[needed - 2] ?? first.scheduledAt) - endedAt);
}
