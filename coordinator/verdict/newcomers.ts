import { longestWaitMs } from "../schedule/due.ts";
import { CONFIRM_WAIT_MS } from "./machine.ts";
import type { Policy } from "./verdict.ts";

/**
 * The regions that have come up since a monitor was last changed, and until when each has
 * no time for its first word on it: it is asked within a minute, and a check may wait for
 * an agent. Until then its silence makes nothing `unknown` that was not: else a second
 * region would.
 * @param cameUpAt when each of them came up, in ms since the epoch.
 * @param changedAt when the monitor was last changed, in ms since the epoch.
 */
export function newcomersOf(
  cameUpAt: ReadonlyMap<string, number>,
  policy: Pick<Policy, "intervalMs" | "timeoutMs">,
  changedAt: number,
): Readonly<Record<string, number>> {
  const graceMs = longestWaitMs(policy) + policy.timeoutMs + CONFIRM_WAIT_MS;
  return Object.fromEntries(
    [...cameUpAt].filter(([, since]) => since > changedAt).map(([region, since]) => [region, since + graceMs]),
  );
}
