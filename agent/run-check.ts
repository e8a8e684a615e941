import type { Check } from "../shared/check.ts";
import type { Clock } from "../shared/clock.ts";
import { agentErrorCodes, type CheckErrorCode, errorText } from "../shared/errors.ts";
import type { MonitorType } from "../shared/monitor.ts";
import type { Result } from "../shared/result.ts";
import { judge } from "./assertions/index.ts";
import type { OpenCheck } from "./check-secrets.ts";
import type { Observation } from "./net/attempt.ts";
import { nothingSeen } from "./net/attempt.ts";
import type { Failure } from "./net/failure.ts";
import type { Probe, Probes } from "./probes/probe.ts";

/** Performs a check now and tells what it found. Never throws. */
export type RunCheck = (check: Check) => Promise<Result>;

/** `clock` is the corrected one: lateness is measured against the coordinator's time. */
export function createRunCheck(deps: {
  readonly probes: Probes;
  readonly clock: Clock;
  /** The canaries of the agent's own network that fail at this moment. */
  readonly failingCanaries?: () => Promise<readonly string[]>;
  /** Puts a check's secrets in their place. @throws when it cannot */
  readonly open?: (check: Check) => OpenCheck;
}): RunCheck {
  const { probes, clock, failingCanaries = async () => [], open = (check): OpenCheck => check } = deps;
  return async (given) => {
    const startedAt = clock.now();
    const begun = clock.monotonic();
    let check: OpenCheck = given;
    let seen: Observation;
    try {
      check = open(given);
      seen = await probeOf(probes, check)(check);
    } catch (thrown) {
      seen = failedInside(thrown);
    }
    const overrunMs = clock.monotonic() - begun - check.timeoutMs;
    if (overrunMs > MAX_OVERRUN_MS) return resultOf(check, startedAt, stalled(seen, overrunMs));
    if (seen.failure === null || !networkFailures.has(seen.failure.code)) return resultOf(check, startedAt, seen);
    const failing = await failingCanaries();
    return resultOf(check, startedAt, failing.length === 0 ? seen : cutOff(seen, seen.failure, failing));
  };
}

/**
 * A check that ends so long after its deadline, in ms, says that the agent itself stood
 * still (a frozen process, a suspended or starved machine) and nothing about the target.
 */
const MAX_OVERRUN_MS = 500;

/** Failures that the agent's own network may be the cause of. */
const networkFailures: ReadonlySet<CheckErrorCode> = new Set<CheckErrorCode>([
  "dns_not_found",
  "dns_timeout",
  "dns_failed",
  "connect_refused",
  "connect_timeout",
  "connect_reset",
  "connect_unreachable",
  "connect_failed",
  "tls_timeout",
  "http_timeout",
  "http_reset",
]);

function cutOff(seen: Observation, failure: Failure, failing: readonly string[]): Observation {
  const message = `the agent's own network is in trouble (${failing.join(", ")}): ${failure.message}`;
  return { ...seen, failure: { code: "agent_network", message } };
}

function stalled(seen: Observation, overrunMs: number): Observation {
  const message = `the agent stood still: the check ended ${Math.round(overrunMs)} ms after its deadline`;
  return { ...seen, failure: { code: "agent_resources", message } };
}

/** The check's type selects the probe that takes it, which the compiler cannot follow. */
function probeOf<T extends MonitorType>(
  probes: Probes,
  check: Check,
): Probe<T> & ((check: Check) => Promise<Observation>) {
  if (!Object.hasOwn(probes, check.type)) {
    throw new Error(`this agent does not know checks of type ${check.type}`);
  }
  return probes[check.type] as never;
}

function resultOf(check: OpenCheck, startedAt: number, seen: Observation): Result {
  const { failure, latencyMs, phases, statusCode, address, bodyBytes, certificate } = seen;
  const { monitorId, round, attempt, scheduledAt } = check;
  // Without a response there is nothing to judge; a wrong status is one all the same.
  const hide = check.confidential?.hide;
  const judged = failure === null || failure.code === "http_status" ? judge(check.assertions, seen, hide) : null;
  const failed = judged?.failed ?? [];
  return {
    monitorId,
    round,
    attempt,
    scheduledAt,
    startedAt: toMicroseconds(startedAt),
    latenessMs: toMicroseconds(Math.min(Math.max(startedAt - scheduledAt, -60_000), 86_400_000)),
    status: failure === null ? (judged?.status ?? "up") : agentErrorCodes.has(failure.code) ? "error" : "down",
    latencyMs,
    phases,
    statusCode,
    address,
    bodyBytes,
    error: failure
      ? { ...failure, message: storable(hide ? hide(failure.message) : failure.message) }
      : failed[0] === undefined
        ? null
        : { code: "assertion_failed", message: failed[0] },
    failedAssertions: failed,
    certificate,
  };
}

/**
 * A text without what PostgreSQL refuses in JSON: NUL and halves of surrogate pairs. Some
 * quote a hostile target, and one such result would keep its whole batch out of a
 * queue that lives there.
 */
function storable(text: string): string {
  return text.replace(/[\0\p{Surrogate}]/gu, "\ufffd");
}

function failedInside(thrown: unknown): Observation {
  return {
    ...nothingSeen,
    latencyMs: 0,
    phases: {},
    failure: { code: "agent_internal", message: errorText(thrown).slice(0, 300) },
  };
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
