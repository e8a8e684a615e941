import type { ResultStatus } from "../../shared/result.ts";

/** How far an incident reaches: most regions see it, some do, or a region's own network is what is wrong. */
export const incidentKinds = ["global", "regional", "vantage"] as const;
export type IncidentKind = (typeof incidentKinds)[number];

/** How bad it is now. */
export const incidentLevels = ["down", "degraded"] as const;
export type IncidentLevel = (typeof incidentLevels)[number];

/** Why an incident ended: the target came back, or there was nothing left to judge. */
const resolutions = ["recovered", "paused", "changed", "removed", "merged"] as const;
export type Resolution = (typeof resolutions)[number];

/** What one region saw. */
export interface Evidence {
  readonly region: string;
  readonly status: ResultStatus;
  /** When the first check that saw this without a break ended, in ms since the epoch. */
  readonly since: number;
  /** When the latest did. */
  readonly checkedAt: number;
  readonly latencyMs: number;
  readonly statusCode: number | null;
  readonly address: string | null;
  /** The phase that failed, such as `connectMs`; null when none did. */
  readonly phase: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  /** SHA-256 of the certificate that the target showed, as hex pairs; null without one. */
  readonly certificate: string | null;
  /** When the first check ended that saw the target well again, while others did not yet; null while none did. */
  readonly backSince: number | null;
}

/** A time span in which a monitor was down or degraded, or in which a region saw nothing right. Times are ms since the epoch. */
export interface Incident {
  readonly id: string;
  /** Null for a region's own trouble. */
  readonly monitorId: string | null;
  /** Null for a monitor's. */
  readonly region: string | null;
  readonly kind: IncidentKind;
  readonly level: IncidentLevel;
  /** When the first failing check of the target ended. */
  readonly startedAt: number;
  /** When the coordinator first suspected it. */
  readonly detectedAt: number;
  /** When it was confirmed. */
  readonly confirmedAt: number;
  /** When the first check that saw the target well again ended. */
  readonly recoveredAt: number | null;
  /** When that was confirmed, or when there was nothing left to judge. */
  readonly resolvedAt: number | null;
  readonly resolution: Resolution | null;
  readonly acknowledgedAt: number | null;
  readonly acknowledgedBy: string | null;
  /** How often the trouble came back within the grace time. */
  readonly reopened: number;
  /** When the first failing check ended after it came back for the last time; null when it never did. */
  readonly failedAgainAt: number | null;
  /** How long the target was well in between, in ms. */
  readonly wellMs: number;
  /** How many times people were told of it. */
  readonly notices: number;
  readonly evidence: readonly Evidence[];
}

/** From the target's first failure to its recovery, without the time that it was well in between; null until it has recovered. In ms. */
export function troubleMs({ startedAt, recoveredAt, wellMs }: Pick<Incident, "startedAt" | "recoveredAt" | "wellMs">) {
  return recoveredAt === null ? null : recoveredAt - startedAt - wellMs;
}

/** What every incident begins with: not over, not acknowledged, and told to nobody. */
export const newlyOpened = {
  recoveredAt: null,
  resolvedAt: null,
  resolution: null,
  acknowledgedAt: null,
  acknowledgedBy: null,
  reopened: 0,
  failedAgainAt: null,
  wellMs: 0,
  notices: 0,
} as const satisfies Partial<Incident>;

/** What happened in the course of an incident, or to a monitor beside any. */
const timelineTypes = [
  "opened",
  "worsened",
  "eased",
  "evidence",
  "resolved",
  "reopened",
  "blip",
  "no_data",
  "data_back",
  "flapping",
  "calm",
  "paused",
  "resumed",
  "maintenance_began",
  "maintenance_ended",
  "acknowledged",
  "note",
] as const;
export type TimelineType = (typeof timelineTypes)[number];

export interface TimelineEntry {
  readonly type: TimelineType;
  readonly at: number;
  readonly monitorId: string | null;
  readonly incidentId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}
