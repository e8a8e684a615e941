import type { CheckErrorCode } from "../../shared/errors.ts";
import type { MonitorDocument } from "../../shared/monitor.ts";
import type { PhaseName, ResultStatus } from "../../shared/result.ts";
import type { IncidentRow } from "../http/api-types.ts";
import type { Verdict } from "../verdict/verdict.ts";

/** What needs people comes first; what they have switched off comes last. */
export const verdictOrder: readonly Verdict[] = ["down", "degraded", "unknown", "up", "maintenance", "paused"];

export const verdictWords: Readonly<Record<Verdict, string>> = {
  up: "Up",
  degraded: "Degraded",
  down: "Down",
  unknown: "Unknown",
  paused: "Paused",
  maintenance: "Maintenance",
};

export const monitorTypeWords: Readonly<Record<MonitorDocument["type"], string>> = { http: "HTTP", tcp: "TCP" };

/** The days of the week, as the API calls them. */
export const weekdayWords = {
  mon: "Mon",
  tue: "Tue",
  wed: "Wed",
  thu: "Thu",
  fri: "Fri",
  sat: "Sat",
  sun: "Sun",
} as const;

export const statusWords: Readonly<Record<ResultStatus, string>> = {
  up: "Up",
  degraded: "Degraded",
  down: "Down",
  error: "Agent failed",
};

export const phaseWords: Readonly<Record<PhaseName, string>> = {
  dnsMs: "DNS",
  connectMs: "Connect",
  tlsMs: "TLS",
  firstByteMs: "First byte",
  transferMs: "Transfer",
};

export const kindWords: Readonly<Record<IncidentRow["kind"], string>> = {
  global: "Most regions see it",
  regional: "Some regions see it",
  vantage: "The region’s own network",
};

export const resolutionWords: Readonly<Record<NonNullable<IncidentRow["resolution"]>, string>> = {
  recovered: "the target came back",
  paused: "the monitor was paused",
  changed: "the monitor was changed",
  removed: "the monitor or region was removed",
  merged: "merged into another",
};

/** Where an incident stands. */
export function incidentStateInWords({ state, acknowledgedAt }: IncidentRow): string {
  if (state === "resolved") return "Resolved";
  return acknowledgedAt === null ? "Open" : "Acknowledged";
}

const errorWords: Readonly<Record<CheckErrorCode, string>> = {
  dns_not_found: "name not found",
  dns_timeout: "name server timed out",
  dns_failed: "name not resolved",
  connect_refused: "connection refused",
  connect_timeout: "connection timed out",
  connect_reset: "connection reset",
  connect_unreachable: "unreachable",
  connect_failed: "connection failed",
  tls_timeout: "TLS timed out",
  tls_expired: "certificate expired",
  tls_not_yet_valid: "certificate not yet valid",
  tls_untrusted: "certificate not trusted",
  tls_self_signed: "self-signed certificate",
  tls_hostname_mismatch: "certificate of another host",
  tls_failed: "TLS failed",
  http_timeout: "response timed out",
  http_reset: "connection reset",
  http_protocol: "broken HTTP",
  http_status: "error status",
  http_too_many_redirects: "too many redirects",
  http_bad_redirect: "bad redirect",
  http_bad_encoding: "body not readable",
  assertion_failed: "assertion failed",
  address_forbidden: "address not allowed",
  agent_resources: "agent out of resources",
  agent_network: "agent without network",
  agent_internal: "agent failed",
};

/** An error code in words; a code of a newer coordinator as it is. */
export function errorInWords(code: string, statusCode: number | null): string {
  if (code === "http_status" && statusCode !== null) return `status ${statusCode}`;
  return errorWords[code as CheckErrorCode] ?? code;
}

/** What a monitor looks at: a URL, or a host and port. */
export function targetOf(monitor: MonitorDocument): string {
  if (monitor.type === "http") return monitor.http.url;
  const { host, port } = monitor.tcp;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** How many failing regions make a monitor down. */
export function quorumInWords(quorum: MonitorDocument["quorum"]): string {
  if (quorum === "any" || quorum === 1) return "any region fails";
  if (typeof quorum === "number") return `${quorum} regions fail`;
  return quorum === "all" ? "all regions fail" : "most regions fail";
}

type Assertion = NonNullable<MonitorDocument["assertions"]>[number];

const operators: Readonly<Record<Assertion["op"], string>> = {
  eq: "=",
  ne: "≠",
  lt: "<",
  lte: "≤",
  gt: ">",
  gte: "≥",
  contains: "contains",
  not_contains: "does not contain",
  starts_with: "starts with",
  ends_with: "ends with",
  empty: "is empty",
  not_empty: "is not empty",
};

/** An assertion as people read it, such as `latency < 800 ms, else degraded`. */
export function assertionInWords(assertion: Assertion): string {
  return `${subjectOf(assertion)} ${operators[assertion.op]}${operandOf(assertion)}, else ${assertion.level}`;
}

function subjectOf(assertion: Assertion): string {
  if (assertion.source === "latencyMs") return "latency";
  if (assertion.source === "bodyBytes") return "body size";
  return assertion.source === "header" ? `header ${assertion.name}` : assertion.source;
}

function operandOf({ source, op, value }: Assertion): string {
  if (op === "empty" || op === "not_empty") return "";
  if (source === "latencyMs") return ` ${value} ms`;
  if (source === "bodyBytes") return ` ${value} bytes`;
  return typeof value === "string" ? ` “${value}”` : ` ${value}`;
}
