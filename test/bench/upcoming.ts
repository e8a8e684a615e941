import type { Timing } from "../../coordinator/schedule/due.ts";
import { dueAt, firstDueAt, roundAt } from "../../coordinator/schedule/due.ts";

/** A scheduled check that is to come. */
export type Upcoming = Timing & { readonly region: string; readonly scheduledAt: number };

/** A monitor's first check in a region after an instant. */
export function upcomingOf(monitor: Timing, region: string, regions: readonly string[], after: number): Upcoming {
  const { id, intervalMs, stagger } = monitor;
  const first = firstDueAt(monitor, regions, region);
  return {
    id,
    intervalMs,
    stagger,
    region,
    scheduledAt: dueAt(first, intervalMs, roundAt(first, intervalMs, after) + 1),
  };
}
