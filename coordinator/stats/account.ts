import type { MissReason } from "../../shared/check.ts";
import { missReasons } from "../../shared/check.ts";

/** What is known of the checks of one monitor in one region over a window. Extra checks do not count. */
export interface Observed {
  /** Checks that the schedule planned. */
  readonly scheduled: number;
  /** Those of which a result arrived. */
  readonly results: number;
  /** Those without a result of which the reason was reported. */
  readonly reported: Partial<Readonly<Record<MissReason, number>>>;
  /** Those that fell into slots which no coordinator dispatched. */
  readonly inGaps: number;
}

/** Every scheduled check, accounted for: `scheduled` = `results` + the sum of `missed`. */
export interface Account {
  readonly scheduled: number;
  readonly results: number;
  readonly missed: Readonly<Record<MissReason, number>>;
  /** results ÷ scheduled, from 0 to 1; null when nothing was scheduled. */
  readonly coverage: number | null;
}

/**
 * Gives every check without a result one reason: the reported one; else
 * `coordinator_down` where nobody dispatched; else `expired`, because it was
 * dispatched and no agent made it in time, or lived to tell.
 */
export function accountFor({ scheduled, results, reported, inGaps }: Observed): Account {
  const missed = { no_agent: 0, expired: 0, backlog: 0, coordinator_down: 0 };
  let open = Math.max(0, scheduled - results);
  const attribute = (reason: MissReason, count: number): void => {
    const given = Math.min(open, count);
    missed[reason] += given;
    open -= given;
  };
  for (const reason of missReasons) attribute(reason, reported[reason] ?? 0);
  attribute("coordinator_down", inGaps);
  attribute("expired", open);
  return { scheduled, results, missed, coverage: scheduled === 0 ? null : Math.min(1, results / scheduled) };
}
