import type { Assertion, HttpSettings, TcpSettings } from "./monitor.ts";

/** Why a scheduled check has no result. */
export const missReasons = ["no_agent", "expired", "backlog", "coordinator_down"] as const;
export type MissReason = (typeof missReasons)[number];

/**
 * What makes a check the same check wherever it turns up again. The region is not
 * among its fields: it is the queue's.
 */
export interface CheckKey {
  readonly monitorId: string;
  /** The k of the monitor's k-th scheduled occurrence. */
  readonly round: number;
  /**
   * 0 for the scheduled check of the round. For an extra one (confirmation, on
   * demand, after a change): one more than the whole ms from the round's instant to
   * the one that it was asked for, so that later attempts have higher numbers
   * without a counter.
   */
  readonly attempt: number;
}

/** One round of one monitor in one region, as an agent receives it. Times are ms since the epoch. */
export type Check = CheckKey & {
  readonly scheduledAt: number;
  /** Past this instant the check is reported as missed and not run. */
  readonly expiresAt: number;
  /** One total deadline over resolve, connect, TLS, send, first byte and body, in ms. */
  readonly timeoutMs: number;
  readonly assertions: readonly Assertion[];
} & CheckTarget;

export type CheckTarget =
  | {
      readonly type: "http";
      readonly http: HttpSettings;
      /** What else belongs to the request (CheckSecrets), sealed for the agents of the region. */
      readonly secrets?: string;
    }
  | { readonly type: "tcp"; readonly tcp: TcpSettings };

/** The secret part of a request. */
export interface CheckSecrets {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The payload of one job in a region's checks queue. */
export interface CheckBatch {
  readonly v: 1;
  readonly checks: readonly Check[];
  /** Some of the checks may have been queued before, in another job: their results may not be the only ones. */
  readonly again?: true;
}
