import { formatDuration } from "../../shared/duration.ts";
import type { CheckErrorCode } from "../../shared/errors.ts";
import type { PhaseName, Phases, Result } from "../../shared/result.ts";
import { CheckFailure, type Failure, failureOf } from "./failure.ts";
import { createPhaseTimer, type PhaseTimer } from "./phases.ts";

/** What a probe has seen so far; a failure keeps what was seen before it. */
export interface Seen {
  /** The address connected to, or last tried. */
  address: string | null;
  statusCode: number | null;
  bodyBytes: number | null;
  /** The certificate that the target showed; undefined without TLS. */
  certificate: Result["certificate"];
  /** The body as text, when an assertion reads it. */
  body: string | null;
  /** A response header's values, joined as in RFC 9110 §5.3; null when there is none. */
  header: ((name: string) => string | null) | null;
}

/** What an attempt begins with. */
export const nothingSeen: Readonly<Seen> = {
  address: null,
  statusCode: null,
  bodyBytes: null,
  certificate: undefined,
  body: null,
  header: null,
};

/** One check in the making: its phases, its deadline and what it has seen. */
export interface Attempt {
  readonly phases: PhaseTimer;
  readonly seen: Seen;
  /**
   * Says how to give up the step at work when the one deadline passes; replaces
   * the step before. `cut` gets the failure that names the phase.
   */
  onDeadline(cut: (failure: CheckFailure) => void): void;
}

export type Observation = Readonly<Seen> & {
  readonly latencyMs: number;
  readonly phases: Phases;
  readonly failure: Failure | null;
};

const timeouts: Readonly<Record<PhaseName, readonly [CheckErrorCode, string]>> = {
  dnsMs: ["dns_timeout", "the name was not resolved"],
  connectMs: ["connect_timeout", "no connection"],
  tlsMs: ["tls_timeout", "the TLS handshake was not finished"],
  firstByteMs: ["http_timeout", "no response"],
  transferMs: ["http_timeout", "the response was not complete"],
};

/**
 * Runs a probe's work under one total deadline and reports what it saw. Never
 * throws: what the work throws becomes the observation's failure.
 */
export async function observe(
  timeoutMs: number,
  monotonic: () => number,
  work: (attempt: Attempt) => Promise<void>,
): Promise<Observation> {
  const phases = createPhaseTimer(monotonic);
  const seen: Seen = { ...nothingSeen };
  let cutStep: ((failure: CheckFailure) => void) | null = null;
  let passed: CheckFailure | null = null;
  const end = monotonic() + timeoutMs;
  let timer = setTimeout(expire, Math.ceil(timeoutMs));
  function expire(): void {
    // A timer counts from when the event loop last looked at the clock, so on a busy one it comes early.
    const left = end - monotonic();
    if (left > 0) {
      timer = setTimeout(expire, Math.ceil(left));
      return;
    }
    const [code, what] = timeouts[phases.current ?? "dnsMs"];
    passed = new CheckFailure(code, `${what} within ${formatDuration(timeoutMs)}`);
    cutStep?.(passed);
  }
  let failure: Failure | null = null;
  try {
    await work({
      phases,
      seen,
      onDeadline(cut) {
        cutStep = cut;
        if (passed) cut(passed);
      },
    });
  } catch (thrown) {
    failure = failureOf(thrown, phases.current);
  }
  clearTimeout(timer);
  const { latencyMs, phases: measured } = phases.stop();
  const { address, statusCode, bodyBytes, certificate, body, header } = seen;
  // A connection holds on to its attempt until it has closed; a large body must not wait for that.
  seen.body = null;
  return { address, statusCode, bodyBytes, certificate, body, header, latencyMs, phases: measured, failure };
}
