import type { CheckErrorCode } from "../../shared/errors.ts";
import type { MonitorType } from "../../shared/monitor.ts";
import type { PhaseName, ResultStatus } from "../../shared/result.ts";
import type { TroubleKind, TroubleResolution } from "../agents/trouble.ts";
import type { Closing } from "../incidents/follow.ts";
import type { IncidentKind } from "../incidents/incident.ts";
import type { Verdict } from "../verdict/verdict.ts";

/** What a rule can tell of. */
export const ruleEvents = [
  "down",
  "up",
  "degraded",
  "flapping",
  "no_data",
  "certificate_expiring",
  "region_impaired",
  "region_recovered",
  "agent_trouble",
] as const;

/**
 * What people can be told of: also what answers to what somebody did, and for those who heard of the beginning that
 * results come again, which say that it is not well, the end of an agent's trouble, and that nobody watches any more
 * what was in trouble.
 */
export const noticeEvents = [...ruleEvents, "data_back", "agent_recovered", "closed", "acknowledged", "test"] as const;
export type NoticeEvent = (typeof noticeEvents)[number];

/** `ok` ends what an earlier notice of the same key began: channels that keep alerts close theirs. */
export const severities = ["critical", "warning", "info", "ok"] as const;
export type Severity = (typeof severities)[number];

/**
 * What is told, the same for every channel. Its texts come from monitors and their
 * targets, so they are hostile: each channel escapes them for its own markup, and
 * cuts them to its own limits.
 */
export interface Notice {
  /** One per event and delivery, the same for every try: what receivers know repetitions by. */
  readonly id: string;
  readonly event: NoticeEvent;
  readonly severity: Severity;
  /** When it happened, in ms since the epoch. */
  readonly at: number;
  /** One line that says it all, such as `DOWN: Checkout API`. */
  readonly title: string;
  /** The details as plain text, one fact per line. */
  readonly lines: readonly string[];
  /** 0 for the first telling, n for the n-th reminder. */
  readonly repeat: number;
  /** What it is about, the same for a beginning, its reminders and its end, and for nothing else: an incident's id. */
  readonly key: string;
  /** The keys of all that were made into this one message; none of them when it is only itself. */
  readonly keys?: readonly string[];
  /** Several when grouped, none when it is about a region or an agent. */
  readonly monitors: readonly NoticeMonitor[];
  readonly incident: NoticeIncident | null;
  /** What is wrong with an agent, or with a region's agents. */
  readonly trouble: NoticeTrouble | null;
  /** Why it is not watched any more, and who saw to that; none of what is watched. */
  readonly closed?: Pick<Closing, "reason" | "by"> | null;
  /** What each region saw. */
  readonly evidence: readonly NoticeEvidence[];
  /** The page of the incident or monitor; null when the coordinator's public URL is not known. */
  readonly url: string | null;
}

export interface NoticeMonitor {
  readonly id: string;
  readonly name: string;
  readonly type: MonitorType;
  readonly target: string;
  readonly verdict: Verdict;
}

/** Times are ms since the epoch. */
export interface NoticeIncident {
  readonly id: string;
  readonly kind: IncidentKind;
  /** The first check that failed. */
  readonly startedAt: number;
  readonly detectedAt: number;
  readonly confirmedAt: number;
  readonly recoveredAt: number | null;
  /** Until it recovered, or was not watched any more; null while neither is so. */
  readonly durationMs: number | null;
  /** Whether people were told of it before, when it was better or worse; reminders aside. */
  readonly toldBefore?: boolean;
}

/** Times are ms since the epoch. */
export interface NoticeTrouble {
  readonly id: string;
  readonly kind: TroubleKind;
  readonly region: string;
  readonly agentId: string | null;
  readonly since: number;
  readonly resolvedAt: number | null;
  readonly resolution: TroubleResolution | null;
}

export interface NoticeEvidence {
  readonly region: string;
  readonly status: ResultStatus;
  readonly errorCode: CheckErrorCode | null;
  readonly errorMessage: string | null;
  /** The phase that failed. */
  readonly phase: PhaseName | null;
  readonly address: string | null;
  readonly latencyMs: number | null;
}
