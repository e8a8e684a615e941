import { isDue, MAX_EARLY_MS } from "../schedule/due.ts";
import { membersAt, takesEffect } from "../schedule/history.ts";
import type { History } from "./history.ts";
import type { Stored } from "./replay.ts";

/** Whether a stored result was a vote: its check was of the schedule when it was received, or beside it, and not before its time. */
export function wasVote(
  monitorId: string,
  { revisions, regions }: Pick<History, "revisions" | "regions">,
  { region, round, attempt, scheduledAt, receivedAt }: Stored,
): boolean {
  if (scheduledAt > receivedAt + MAX_EARLY_MS) return false;
  if (attempt > 0) return true;
  const spec = revisions.findLast(({ validFrom }) => validFrom <= receivedAt)?.spec;
  if (!spec) return false;
  const members = spec.regions === "all" ? membersAt(regions, scheduledAt, takesEffect) : [...spec.regions].sort();
  return isDue({ ...spec, id: monitorId }, members, { region, round, scheduledAt });
}
