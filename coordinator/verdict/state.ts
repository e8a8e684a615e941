import type { ResultStatus } from "../../shared/result.ts";
import type { Policy, Settled, Verdict, Vote } from "./verdict.ts";

/** What a vote says of the target; `error` says nothing of it. */
export type Side = Exclude<ResultStatus, "error">;

/** A vote as the machine keeps it: the latest result of one region, and since when the region has been seeing the same. */
export interface Ballot extends Vote {
  /** 0 for a scheduled check; of two results of one instant the higher replaces the lower. */
  readonly attempt: number;
  /** When the check ended, in ms since the epoch. */
  readonly checkedAt: number;
  /** When the first check of the unbroken row with this status ended; in ms since the epoch. */
  readonly sideSince: number;
}

/** A result that comes in. */
export type Arrival<B extends Ballot> = Omit<B, "sideSince"> & {
  /** When it reached the coordinator: the time of the event, in ms since the epoch. */
  readonly receivedAt: number;
};

/**
 * A suspicion: some vote does not fit what is settled, and every voting region has
 * been asked for a check at once.
 */
export interface Doubt {
  /** The instant that the confirmation checks are scheduled at, by which their results are known; in ms since the epoch. */
  readonly at: number;
  /** The regions that were asked. */
  readonly asked: readonly string[];
  /** What the asked regions answered; `error` when the agent failed. */
  readonly answers: Readonly<Record<string, ResultStatus>>;
  /** Nobody is waited for beyond this, in ms since the epoch. */
  readonly until: number;
  /** The suspect regions for whose sake what the votes say is held back; none while it is not. */
  readonly heldBy?: readonly string[];
}

/** What is remembered of a monitor between two events. It is plain data, stored as JSON. */
export interface VerdictState {
  /** What people are shown. */
  readonly verdict: Verdict;
  /** What was last established; while the monitor is paused or in maintenance the verdict says that instead. */
  readonly settled: Settled;
  /** What was established before the votes ran out, so that their return is no news; null unless `settled` is `unknown`. */
  readonly before: Settled | null;
  /** The votes have run out and not come again, other than by a change of what is judged, or by regions that are impaired. */
  readonly silent: boolean;
  /** The regions that were not seeing the target well when this was established. Their votes are no news. */
  readonly picture: Readonly<Record<string, Side>>;
  readonly doubt: Doubt | null;
  /** The time of the last event, in ms since the epoch: time never goes back. */
  readonly at: number;
  /** No new doubt before this instant, in ms since the epoch. */
  readonly restUntil: number;
  /** Since when answers have been asked for in vain, in ms since the epoch; null when nothing is in doubt, or they came. */
  readonly unheardSince: number | null;
  /** Checks that were due before this instant, the end of the last pause, are no votes; in ms since the epoch. */
  readonly votesFrom: number;
  /** When it went down or came back, the latest last; what flapping is judged by. */
  readonly changes: readonly number[];
  /** It changes too often to tell of each change. */
  readonly flapping: boolean;
}

export const initialState: VerdictState = {
  verdict: "unknown",
  settled: "unknown",
  before: null,
  silent: false,
  picture: {},
  doubt: null,
  at: 0,
  restUntil: 0,
  unheardSince: null,
  votesFrom: 0,
  changes: [],
  flapping: false,
};

/** All that a step of the machine depends on. */
export interface Subject<B extends Ballot> {
  readonly state: VerdictState;
  /** The latest result of each region. */
  readonly votes: readonly B[];
  readonly policy: Policy;
  /** The regions that have a vote now. */
  readonly regions: readonly string[];
  /** Since when those and no others have one, in ms since the epoch, where that is known: nothing is looked at as of before. */
  readonly votingSince?: number;
  /** Regions that would have one too, were they not impaired; none when this is left out. */
  readonly impaired?: readonly string[];
  /** Until when each of those that have come up lately has no time for a vote, in ms since the epoch; none when this is left out. */
  readonly newcomers?: Readonly<Record<string, number>>;
  /** Those of them of which it is being found out whether they see anything right: alone they settle nothing. */
  readonly suspects: readonly string[];
  /** Whether a region has no live agent, so that it is not asked; none is so when this is left out. */
  readonly isAbsent?: (region: string) => boolean;
  /** Whether people were told to expect trouble now. */
  readonly maintenance: boolean;
}

/** What a step of the machine asks for; in the order in which it came about. */
export type Effect<B extends Ballot> =
  /** Check the target from these regions at once; `at` becomes the checks' instant. */
  | { readonly type: "confirm"; readonly at: number; readonly regions: readonly string[] }
  /** The suspicion was not confirmed: the settled verdict stands. */
  | { readonly type: "cleared"; readonly at: number; readonly suspectedAt: number }
  /** What the votes say is held back from the doubt of the instant `since` on, because only these suspect regions see it. */
  | {
      readonly type: "held";
      readonly at: number;
      readonly since: number;
      readonly regions: readonly string[];
      /** It is at the latest until then, in ms since the epoch. */
      readonly until: number;
    }
  /** It is not any more. */
  | { readonly type: "released"; readonly at: number; readonly since: number }
  /** The settled verdict changed. */
  | {
      readonly type: "settled";
      readonly at: number;
      readonly from: Settled;
      readonly to: Settled;
      /** When the first check ended that saw the target so; what took until `at` was to confirm it. */
      readonly begunAt: number;
      /** It is `unknown` because regions that are impaired have no vote. */
      readonly forImpaired?: boolean;
      /** When confirmation was asked for; null when none was needed. */
      readonly suspectedAt: number | null;
      /** What it was before the votes ran out, when they are back; else null. */
      readonly before: Settled | null;
      /** The votes that settled it, by region. */
      readonly evidence: readonly B[];
    }
  /** The same trouble goes on, and the regions that see it have changed. */
  | { readonly type: "evidence"; readonly at: number; readonly evidence: readonly B[] }
  | { readonly type: "flapping"; readonly at: number; readonly flapping: boolean }
  /** Pause or maintenance began (`on`) or ended. */
  | { readonly type: "overlay"; readonly at: number; readonly overlay: "paused" | "maintenance"; readonly on: boolean };

export interface Outcome<B extends Ballot> {
  readonly state: VerdictState;
  readonly votes: readonly B[];
  readonly effects: readonly Effect<B>[];
  /** When to step again though nothing arrives, in ms since the epoch; null for never. */
  readonly dueAt: number | null;
}
