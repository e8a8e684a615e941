import type { AgentLoad } from "../../shared/agent-message.ts";
import { ABSENT, formatBytes, formatLatency } from "../quantities.ts";
import type { AgentState } from "./state.ts";

/** What an agent does, as commands and dashboard say it. */
export const agentStateWords: Readonly<Record<AgentState, string>> = {
  online: "online",
  starting: "starting",
  clock_refused: "clock refused",
  draining: "draining",
  drained: "drained",
  leaving: "leaving",
  offline: "offline",
  revoked: "revoked",
};

/** Checks in flight, of how many there may be: `12/500`. */
export function inFlightInWords(load: AgentLoad | null): string {
  if (load === null) return ABSENT;
  return load.capacity === undefined ? `${load.inFlight}` : `${load.inFlight}/${load.capacity}`;
}

/** How late checks began, half of them and 99 of 100 at most: `1.2 ms / 8.4 ms`. */
export function latenessInWords(load: AgentLoad | null): string {
  const lateness = load?.lateness;
  return lateness ? `${formatLatency(lateness.p50Ms)} / ${formatLatency(lateness.p99Ms)}` : ABSENT;
}

/** How far an agent's clock is off the coordinator's before it is corrected, and how exactly that is known: `+3.1 ms ± 0.4 ms`. */
export function clockInWords(load: AgentLoad | null): string {
  const { clockOffsetMs: offset = null, clockErrorMs: error = null } = load ?? {};
  if (offset === null) return ABSENT;
  const size = Math.abs(offset);
  const ahead = size < 9_995 ? `${size.toFixed(1)} ms` : `${(size / 1_000).toFixed(1)} s`;
  return `${offset < 0 ? "−" : "+"}${ahead}${error === null ? "" : ` ± ${error.toFixed(1)} ms`}`;
}

/** What waits on disk: `120 (1.2 MB of 100 MB)`. */
export function spoolInWords(load: AgentLoad | null): string {
  return stored(load?.spooled, load?.spoolBytes, load?.spoolMaxBytes);
}

/** What waits in memory for the queue, in the same way. */
export function outboxInWords(load: AgentLoad | null): string {
  return stored(load?.outbox, load?.outboxBytes, load?.outboxMaxBytes);
}

function stored(results: number | undefined, bytes: number | undefined, max: number | undefined): string {
  if (results === undefined) return ABSENT;
  if (results === 0 || bytes === undefined || max === undefined) return `${results}`;
  return `${results} (${formatBytes(bytes)} of ${formatBytes(max)})`;
}

/** What it takes of its machine: `12 % of a core, 96 MB`. */
export function usageInWords(load: AgentLoad | null): string {
  const { cpu, rssBytes } = load ?? {};
  const parts = [
    cpu === undefined ? null : `${Math.round(cpu * 100)} % of a core`,
    rssBytes === undefined ? null : formatBytes(rssBytes),
  ];
  return parts.filter((part) => part !== null).join(", ") || ABSENT;
}
