import type { AgentLoad } from "../../shared/agent-message.ts";
import type { MissReason } from "../../shared/check.ts";
import type { MonitorDocument, Quorum } from "../../shared/monitor.ts";
import type { Phases, ResultStatus } from "../../shared/result.ts";
import type { AgentState } from "../agents/state.ts";
import type { AgentTrouble } from "../agents/trouble.ts";
import type { Evidence, Incident, TimelineEntry, TimelineType } from "../incidents/incident.ts";
import type { WindowDocument } from "../maintenance/document.ts";
import type { NoticeEvent, Severity } from "../notify/notice.ts";
import type { toRuleDocument } from "../notify/rule.ts";
import type { DayUptime, LastDay, WindowUptime } from "../stats/uptime.ts";
import type { Step, Upgrade } from "../upgrades/plan.ts";
import type { Verdict } from "../verdict/verdict.ts";

/** What the API returns, as commands and dashboard read it. Times are ISO 8601 in UTC. */

export interface RegionStatus {
  readonly status: ResultStatus;
  readonly latencyMs: number | null;
  readonly statusCode: number | null;
  readonly address: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly lastCheckAt: string;
}

export type MonitorRow = MonitorDocument & {
  readonly id: string;
  readonly revision: number;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly status: {
    readonly verdict: Verdict;
    readonly since: string;
    /** A result did not fit the verdict, and it is being asked again everywhere. */
    readonly suspected: boolean;
    /** It changes too often to tell of each change. */
    readonly flapping: boolean;
    readonly regions: Readonly<Record<string, RegionStatus>>;
  };
};

/** How many monitors have each verdict. */
export type VerdictCounts = Readonly<Record<Verdict, number>>;

export type MaintenanceRow = WindowDocument & {
  readonly id: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Whether it is on now. */
  readonly active: boolean;
  /** When it is on, or will be next; null when it will not be any more, or is not enabled. */
  readonly next: { readonly from: string; readonly to: string } | null;
};

/** A key that secrets are sealed with. */
export interface KeyRow {
  readonly id: string;
  /** How many of the secrets that are stored, in every revision of every monitor, it has sealed. */
  readonly secrets: number;
  /** New secrets are sealed with it. */
  readonly isCurrent: boolean;
  /** The coordinator that answers has it. */
  readonly isHere: boolean;
}

export interface ResultRow {
  readonly monitorId: string;
  readonly region: string;
  readonly agentId: string;
  readonly round: number;
  readonly scheduledAt: string;
  readonly startedAt: string;
  readonly latenessMs: number;
  readonly status: ResultStatus;
  readonly latencyMs: number;
  readonly phases: Phases;
  readonly statusCode: number | null;
  readonly address: string | null;
  readonly bodyBytes: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly failedAssertions: readonly string[];
}

export interface RegionRow {
  readonly region: string;
  /** How many are there, how many of those take checks, and how many were there of late. */
  readonly agents: { readonly online: number; readonly taking: number; readonly total: number };
  readonly lastResultAt: string | null;
  /** It sees nothing right and has no vote; null when it is well. */
  readonly impaired: { readonly since: string; readonly reason: string } | null;
  /** What is wrong with its agents now. */
  readonly troubles: readonly AgentTroubleRow[];
}

export type AgentTroubleRow = Omit<AgentTrouble, "since" | "openedAt" | "resolvedAt" | "acknowledgedAt"> & {
  readonly since: string;
  readonly openedAt: string;
  readonly resolvedAt: string | null;
  readonly acknowledgedAt: string | null;
};

export interface AgentRow {
  readonly id: string;
  readonly region: string;
  readonly version: string;
  readonly host: string;
  readonly node: string;
  readonly state: AgentState;
  /** Whether it is there and stays; it may take no checks all the same. */
  readonly online: boolean;
  /** It has said that it ends. */
  readonly draining: boolean;
  /** Null when it was not here lately, or never. */
  readonly seenAgoMs: number | null;
  /** Since when an operator has it drained; null when it is not. */
  readonly drainedAt: string | null;
  /** What is wrong with it now, and has been told. */
  readonly troubles: readonly AgentTroubleRow[];
  /** What it last said of itself; null before its first heartbeat. */
  readonly load: AgentLoad | null;
  /** Null for one that shares its token with others. */
  readonly enrollment: {
    readonly name: string | null;
    /** Counts its secrets. */
    readonly generation: number;
    /** A new secret was asked for, and has not been used yet. */
    readonly rotating: boolean;
    readonly createdAt: string;
    readonly lastUsedAt: string | null;
    readonly revokedAt: string | null;
  } | null;
}

export interface EnrollmentTokenRow {
  readonly id: string;
  readonly region: string;
  readonly name: string | null;
  readonly state: "open" | "used" | "revoked" | "expired";
  readonly uses: number;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly expiresAt: string;
  readonly usedAt: string | null;
  /** The agent that was made of it. */
  readonly usedBy: string | null;
  readonly revokedAt: string | null;
}

/** One that was just made: its value is shown now and never again. */
export interface NewEnrollmentToken extends EnrollmentTokenRow {
  readonly token: string;
  /** What releases are checked against: SPKI in DER, in base64url. */
  readonly key: string;
  /** What to run on the server; null where only the caller knows the coordinator's address. */
  readonly line: string | null;
  /** The release of the agent that is given to servers; null where there is none yet. */
  readonly release: string | null;
}

export interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly scope: "read" | "write" | "admin";
  readonly createdAt: string;
  readonly createdBy: string;
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
}

export interface AuditRow {
  readonly id: number;
  readonly at: string;
  /** `admin` for the admin token, else the id of an API token or an agent; null for who could not be told. */
  readonly actor: string | null;
  readonly action: string;
  readonly subject: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly address: string | null;
}

/** The upgrade of a region's agents, one after the other. */
export interface AgentUpgradeRow {
  readonly id: string;
  readonly region: string;
  readonly version: string;
  readonly canary: number;
  readonly state: Upgrade["state"];
  readonly detail: string | null;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly endedAt: string | null;
  /** In the order of their turns. */
  readonly agents: ReadonlyArray<
    Pick<Step, "agentId" | "from" | "state" | "detail"> & { readonly askedAt: string | null }
  >;
}

/** The public half of what the deployment signs agents' releases with. */
export interface AgentReleaseKey {
  /** SPKI in DER, in base64url, as `install.sh --key` takes it. */
  readonly key: string;
}

/** What is known of the checks of a window, of one region or of all. */
export interface AccountRow {
  readonly scheduled: number;
  readonly results: number;
  readonly missed: Readonly<Record<MissReason, number>>;
  /** Shares from 0 to 1; null where there is nothing to take a share of. */
  readonly coverage: number | null;
  readonly uptime: number | null;
}

export interface StatsRow {
  readonly from: string;
  readonly to: string;
  readonly total: AccountRow;
  readonly regions: ReadonlyArray<AccountRow & { readonly region: string }>;
}

export interface IncidentRow
  extends Pick<
    Incident,
    | "id"
    | "monitorId"
    | "region"
    | "kind"
    | "level"
    | "resolution"
    | "acknowledgedBy"
    | "reopened"
    | "wellMs"
    | "notices"
  > {
  /** What the monitor is called, or was; null for a region's own trouble. */
  readonly monitorName: string | null;
  readonly state: "open" | "resolved";
  readonly startedAt: string;
  readonly detectedAt: string;
  readonly confirmedAt: string;
  readonly recoveredAt: string | null;
  readonly resolvedAt: string | null;
  /** When the target failed again after the incident came back for the last time. */
  readonly failedAgainAt: string | null;
  /** From the target's first failure to its recovery, or to now, without the time that it was well in between (`wellMs`). */
  readonly durationMs: number;
  readonly acknowledgedAt: string | null;
  /** Those that saw trouble. */
  readonly regions: readonly string[];
}

export type EvidenceRow = Omit<Evidence, "since" | "checkedAt" | "backSince"> & {
  readonly since: string;
  readonly checkedAt: string;
  readonly backSince: string | null;
};

export type TimelineRow = Pick<TimelineEntry, "type" | "data"> & { readonly id: number; readonly at: string };

/** A message about an incident. */
export interface DeliveryRow {
  readonly id: string;
  readonly channelId: string;
  readonly channelName: string;
  /** What it tells of, such as `down`. */
  readonly event: string;
  readonly state: string;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly createdAt: string;
  readonly endedAt: string | null;
}

/**
 * A message about an incident, as the incident has it: of one that was told with others, `outcome`, `attempts`,
 * `lastError` and `endedAt` are those of the message that they are in.
 */
export interface IncidentDeliveryRow extends DeliveryRow {
  readonly channelType: string;
  /** Which step of its rule it is of, from 0. */
  readonly step: number;
  /** 0 for the first telling, n for the n-th reminder. */
  readonly repeat: number;
  readonly mergedInto: string | null;
  readonly outcome: string;
  readonly dueAt: string;
}

/** Any message, as `/v1/deliveries` has it. */
export interface DeliveryDetail extends Omit<DeliveryRow, "channelName"> {
  /** Null for a test. */
  readonly ruleId: string | null;
  readonly incidentId: string | null;
  readonly monitorId: string | null;
  readonly event: NoticeEvent;
  readonly title: string;
  readonly severity: Severity;
  readonly repeat: number;
  readonly dueAt: string;
}

export interface ChannelRow {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly enabled: boolean;
  /** Secrets are `***`. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** What one type of channel takes as its settings. */
export interface ChannelTypeRow {
  readonly type: string;
  /** A JSON schema (2020-12). */
  readonly settings: {
    readonly properties: Readonly<Record<string, SettingSchema>>;
    readonly required?: readonly string[];
  };
  /** The settings that are never shown again. */
  readonly secrets: readonly string[];
}

export interface SettingSchema {
  readonly type: "string" | "integer" | "array" | "object";
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly maxLength?: number;
  /** Of what is in an array; `webhook-secret` is what webhooks are signed with. */
  readonly items?: { readonly format?: string };
}

export type AlertRuleRow = { readonly id: string } & ReturnType<typeof toRuleDocument>;

export interface IncidentDetail extends IncidentRow {
  readonly evidence: readonly EvidenceRow[];
  readonly timeline: readonly TimelineRow[];
  readonly deliveries: readonly IncidentDeliveryRow[];
}

/** How a monitor did in the last 24 hours. */
export type UptimeDayRow = LastDay;

/** Uptime by verdict, up to now. */
export interface UptimeRow {
  readonly monitorId: string;
  /** The share of time that it is to be up, in percent. */
  readonly slo: number | null;
  /** Over 24 hours, 7, 30 and 90 days. */
  readonly windows: ReadonlyArray<WithTimes<WindowUptime>>;
  /** Day by day of UTC, today first. */
  readonly days: ReadonlyArray<WithTimes<DayUptime> & { readonly date: string }>;
}

type WithTimes<T> = Omit<T, "from" | "to"> & { readonly from: string; readonly to: string };

/** What `/v1/live` tells, one event per message. */
export type LiveEvent =
  /** The first: from now on events come, and a heartbeat at least this often, in ms. */
  | { readonly type: "welcome"; readonly v: 1; readonly heartbeatMs: number }
  | { readonly type: "heartbeat" }
  /** Something may have been missed: what is shown has to be loaded anew. */
  | { readonly type: "gap" }
  /** A monitor's verdict as it was at that instant; a doubt that began or ended since leaves `since` as it is. */
  | ({
      readonly type: "verdict";
      readonly at: string;
      readonly monitorId: string;
      readonly monitorName: string | null;
    } & Omit<MonitorRow["status"], "regions">)
  /** Something happened in the course of an incident, which is as it is now. */
  | {
      readonly type: "incident";
      readonly event: TimelineType;
      readonly at: string;
      readonly data: TimelineEntry["data"];
      readonly incident: IncidentRow;
    }
  /** Something began or ended to be wrong with an agent or with a region's agents, or somebody takes care of it. */
  | {
      readonly type: "agent";
      readonly event: "trouble" | "acknowledged" | "recovered";
      readonly at: string;
      readonly trouble: AgentTroubleRow;
    }
  /** Something happened to a monitor beside any incident, or its document was made, changed or removed. */
  | {
      readonly type: "monitor";
      readonly event: TimelineType | "changed" | "removed";
      readonly at: string;
      readonly monitorId: string;
      readonly monitorName: string | null;
      readonly data: TimelineEntry["data"];
    };

/** What is wrong with one field, as the rule that it breaks. */
export interface FieldError {
  /** The path of the field, such as `http.url` or `assertions.0.op`. */
  readonly field: string;
  readonly rule: string;
}

/** An answer that is an error (RFC 9457); `errors` is our own member. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly FieldError[];
}

/** An incident, as it was or as a replay has it. */
export interface OutlineRow extends Pick<Incident, "level" | "kind"> {
  /** Those that saw trouble. */
  readonly regions: readonly string[];
  readonly startedAt: string;
  readonly recoveredAt: string | null;
  readonly resolvedAt: string | null;
}

/** What judging stored results again came to, beside the incidents that were recorded. */
export interface ReplayRow {
  readonly monitorId: string;
  readonly from: string;
  readonly to: string;
  /** What it was judged by; null for the policy of the time. */
  readonly quorum: Quorum | null;
  /** How many results were judged. */
  readonly results: number;
  /** Whether the policy of the time gives exactly what was recorded. */
  readonly faithful: boolean;
  readonly same: readonly OutlineRow[];
  readonly changed: ReadonlyArray<{ readonly live: OutlineRow; readonly replayed: OutlineRow }>;
  readonly onlyLive: readonly OutlineRow[];
  readonly onlyReplayed: readonly OutlineRow[];
}
