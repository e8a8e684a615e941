/**
 * A setting, argument or environment that cannot work as given. The message is
 * one line that names what is wrong and what to do; programs print it and exit 2.
 */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/**
 * What a failed check found, as a stable word for programs. The accompanying
 * message is for people and may change; the code may not.
 *
 * The last group is the agent's own trouble: a result with one of those has the
 * status `error` and is no vote about the target.
 */
export const checkErrorCodes = [
  "dns_not_found",
  "dns_timeout",
  "dns_failed",
  "connect_refused",
  "connect_timeout",
  "connect_reset",
  "connect_unreachable",
  "connect_failed",
  "tls_timeout",
  "tls_expired",
  "tls_not_yet_valid",
  "tls_untrusted",
  "tls_self_signed",
  "tls_hostname_mismatch",
  "tls_failed",
  "http_timeout",
  "http_reset",
  "http_protocol",
  "http_status",
  "http_too_many_redirects",
  "http_bad_redirect",
  "http_bad_encoding",
  "assertion_failed",
  "address_forbidden",
  "agent_resources",
  "agent_network",
  "agent_internal",
] as const;

export type CheckErrorCode = (typeof checkErrorCodes)[number];

/** The codes that speak of the agent and not of the target. */
export const agentErrorCodes: ReadonlySet<CheckErrorCode> = new Set([
  "address_forbidden",
  "agent_resources",
  "agent_network",
  "agent_internal",
]);

const bugs = [TypeError, RangeError, ReferenceError, SyntaxError, EvalError, URIError];

/** Whether a failure is our own mistake and nothing that was foreseen: what the language throws, and what is no Error at all. */
export function isBug(thrown: unknown): boolean {
  return !(thrown instanceof Error) || bugs.some((kind) => thrown instanceof kind);
}

/** The text of anything that was thrown, on one line. */
export function errorText(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.message === "") {
    return thrown.errors.map(errorText).join("; ");
  }
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  return text.replace(/\s+/g, " ").trim();
}
