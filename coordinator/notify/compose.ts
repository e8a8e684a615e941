import type { CheckErrorCode } from "../../shared/errors.ts";
import type { PhaseName } from "../../shared/result.ts";
import type { AgentTrouble } from "../agents/trouble.ts";
import type { Closing } from "../incidents/follow.ts";
import type { Evidence, Incident, IncidentLevel } from "../incidents/incident.ts";
import { troubleMs } from "../incidents/incident.ts";
import { formatSpan, formatUtc } from "../quantities.ts";
import { composeTrouble } from "./compose-trouble.ts";
import type { Notice, NoticeEvent, NoticeEvidence, NoticeMonitor, Severity } from "./notice.ts";
import type { PlannedDelivery } from "./plan.ts";

const severityOf: Readonly<Record<NoticeEvent, Severity>> = {
  down: "critical",
  degraded: "warning",
  flapping: "warning",
  no_data: "warning",
  certificate_expiring: "warning",
  region_impaired: "warning",
  agent_trouble: "warning",
  agent_recovered: "ok",
  up: "ok",
  data_back: "ok",
  region_recovered: "ok",
  closed: "ok",
  acknowledged: "info",
  test: "info",
};

/** How titles begin. */
export const titleWords: Readonly<Record<NoticeEvent, string>> = {
  down: "DOWN",
  up: "UP",
  degraded: "DEGRADED",
  flapping: "FLAPPING",
  no_data: "NO DATA",
  data_back: "DATA AGAIN",
  certificate_expiring: "CERTIFICATE",
  region_impaired: "REGION IMPAIRED",
  region_recovered: "REGION WELL AGAIN",
  agent_trouble: "AGENT TROUBLE",
  agent_recovered: "AGENT WELL AGAIN",
  closed: "NO LONGER WATCHED",
  acknowledged: "ACKNOWLEDGED",
  test: "TEST",
};

/** What there is to tell, as the outbox has it. */
export interface Told {
  readonly id: string;
  readonly event: NoticeEvent;
  readonly at: number;
  readonly monitor: NoticeMonitor | null;
  readonly region: string | null;
  readonly incident: Incident | null;
  /** Of an agent, or of a region's agents. */
  readonly trouble: AgentTrouble | null;
  /** Of what is closed. */
  readonly closing?: Closing | null;
  /** Of results that come again: what they say. */
  readonly found?: IncidentLevel | null;
  /** More to say, one fact per line. */
  readonly lines?: readonly string[];
}

/** @param publicUrl where people reach the dashboard; null when that is not known. */
export function compose(
  { id, event, at, monitor, region, incident, trouble, closing = null, found = null, lines = [] }: Told,
  publicUrl: string | null,
): Notice {
  if (trouble) return composeTrouble(trouble, { id, event, at }, publicUrl);
  const subject = monitor?.name ?? (region === null ? "Watchpost" : `region ${region}`);
  const durationMs = closing?.forMs ?? (incident && troubleMs(incident));
  const lasted = event === "up" && durationMs !== null ? `after ${formatSpan(durationMs)}` : null;
  const more = closing ? lastSeen(closing) : (found ?? lasted);
  return {
    id,
    event,
    severity: severityOf[event],
    at,
    title: `${titleWords[event]}: ${subject}${more === null ? "" : ` (${more})`}`,
    lines: [...lines, ...factsOf({ event, monitor, incident, closing, found })],
    repeat: 0,
    key: keyOf({ id, event, monitor, incident }),
    monitors: monitor ? [monitor] : [],
    incident: incident && {
      id: incident.id,
      kind: incident.kind,
      startedAt: incident.startedAt,
      detectedAt: incident.detectedAt,
      confirmedAt: incident.confirmedAt,
      recoveredAt: incident.recoveredAt,
      durationMs,
      toldBefore: incident.notices > 1,
    },
    trouble: null,
    closed: closing && { reason: closing.reason, by: closing.by },
    evidence: (incident?.evidence ?? []).map(noticeEvidence),
    url: pageOf(publicUrl, monitor, incident),
  };
}

/**
 * What ends has one key with its end. Whatever else shared it would be taken for the same by services that keep
 * alerts, and not be told while that one is open: an expiring certificate would hide that there is no data.
 */
function keyOf({ id, event, monitor, incident }: Pick<Told, "id" | "event" | "monitor" | "incident">): string {
  if (incident) return incident.id;
  const isOfSilence = event === "no_data" || event === "up" || event === "data_back" || event === "closed";
  return monitor && isOfSilence ? monitor.id : id;
}

const UNHEARD = "You may not have been told before: no answer came to the last message.";

/** The same again, because nobody has acknowledged it. @param isHeard the message before has arrived. */
export function remind(notice: Notice, { repeat, id, dueAt }: PlannedDelivery, isHeard: boolean): Notice {
  const title = notice.title.replace(/^STILL /, "");
  const lines = notice.lines.filter((line) => line !== UNHEARD);
  if (!isHeard) lines.push(UNHEARD);
  return { ...notice, id, at: dueAt, repeat, title: `STILL ${title}`, lines };
}

const closingWords = { paused: "Paused", removed: "Removed" } as const satisfies Record<Closing["reason"], string>;

/** How it was when nobody looked any more: `down for 12 min 5 s`. */
function lastSeen({ was, forMs }: Closing): string {
  return was.replace("_", " ") + (forMs === null ? "" : ` for ${formatSpan(forMs)}`);
}

function factsOf({
  event,
  monitor,
  incident,
  closing,
  found,
}: Pick<Required<Told>, "event" | "monitor" | "incident" | "closing" | "found">): string[] {
  const facts = monitor ? [`${monitor.type} ${monitor.target}`] : [];
  if (closing) {
    const { reason, by } = closing;
    facts.push(`${closingWords[reason]}${by === null ? "" : ` by ${by}`}: whether it is well is not known.`);
  }
  if (event === "no_data") facts.push("Too few regions report results: it is not known whether it is up.");
  if (found !== null) facts.push(`Results come again: it is ${found}.`);
  if (event === "flapping")
    facts.push("It changes too often to tell of each change; you hear again when it has settled.");
  if (!incident) return facts;
  const { startedAt, failedAgainAt, reopened } = incident;
  facts.push(`Since ${formatUtc(failedAgainAt ?? startedAt)}`);
  if (failedAgainAt !== null) {
    const times = reopened === 1 ? "once" : `${reopened} times`;
    facts.push(`It began at ${formatUtc(startedAt)} and has come back ${times}.`);
  }
  if (incident.recoveredAt) facts.push(`Until ${formatUtc(incident.recoveredAt)}`);
  if (event === "up" || closing) return facts;
  if (incident.kind === "regional") facts.push("Not all regions see it.");
  return [...facts, ...incident.evidence.map(testimony)];
}

/** A region that sees the target well again is told of as such, whatever it saw before. */
function noticeEvidence(seen: Evidence): NoticeEvidence {
  const { region, address, backSince } = seen;
  if (backSince !== null) {
    return { region, status: "up", errorCode: null, errorMessage: null, phase: null, address, latencyMs: null };
  }
  return {
    region,
    status: seen.status,
    errorCode: (seen.error?.code as CheckErrorCode | undefined) ?? null,
    errorMessage: seen.error?.message ?? null,
    phase: seen.phase as PhaseName | null,
    address,
    latencyMs: seen.latencyMs,
  };
}

function testimony({ region, status, error, phase, address, latencyMs, backSince }: Evidence): string {
  if (backSince !== null) return `${region}: up again`;
  if (status === "up") return `${region}: up, ${Math.round(latencyMs)} ms`;
  const where = [phase?.replace(/Ms$/, ""), address].filter(Boolean).join(", ");
  const what = error ? `${error.code}: ${error.message}` : `${Math.round(latencyMs)} ms`;
  return `${region}: ${status}, ${what}${where === "" ? "" : ` (${where})`}`;
}

function pageOf(publicUrl: string | null, monitor: NoticeMonitor | null, incident: Incident | null): string | null {
  if (publicUrl === null) return null;
  const base = publicUrl.replace(/\/+$/, "");
  if (incident) return `${base}/#/incidents/${incident.id}`;
  return monitor ? `${base}/#/monitors/${monitor.id}` : base;
}
