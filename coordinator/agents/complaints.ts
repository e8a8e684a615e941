import { formatBytes, formatSpan } from "../quantities.ts";
import type { StoredAgent } from "../store/agents.ts";
import { isOnline, stateOf } from "./state.ts";
import type { AgentTrouble } from "./trouble.ts";
import { keyOf } from "./trouble.ts";

/** What is wrong at a moment; whether it is told depends on how long it lasts. */
export type Complaint = Pick<AgentTrouble, "kind" | "region" | "agentId" | "agentName" | "severity" | "detail"> & {
  /** For how long it has been so already, in ms, as far as is known. */
  readonly forMs: number;
};

export interface Sighting {
  /** All that are remembered. */
  readonly agents: readonly StoredAgent[];
  /** The regions in which something is to be checked. */
  readonly wanted: readonly string[];
}

/** One of 100 checks of the last minute began later than this after its instant, in ms … */
const LATE_MS = 1_000;
/** … and it is well again below this. A minute with fewer checks tells nothing. */
const PROMPT_MS = 500;
const CHECKS_NEEDED = 20;
/** The event loop stood still for so long, in ms, between two heartbeats; and is well again below. */
const LOOP_STUCK_MS = 500;
const LOOP_WELL_MS = 250;
/** How full the spool is: nearly full, and well again. */
const SPOOL_FULL = 0.9;
const SPOOL_WELL = 0.75;
/** The spool dropped results within this time, in ms; and is well again after. */
const DROPPED_MS = 60_000;
const DROPPED_LONG_AGO_MS = 300_000;
/** An agent that shares its token, and has a new id whenever it starts, is not missed for longer, in ms. */
const MISSED_FOR_MS = 3_600_000;

/**
 * What is wrong, by what agents say and by their silence.
 * @param open the keys of trouble that has been told: it lasts until it is clearly over, and
 * while nobody can say.
 */
export function complaintsOf(sighting: Sighting, open: ReadonlySet<string>): Complaint[] {
  const kept = sighting.agents.filter(({ credential }) => credential !== "revoked");
  const taking = new Set(kept.filter((agent) => stateOf(agent) === "online").map(({ region }) => region));
  const anywhere = sighting.wanted.some((region) => taking.has(region));
  return [
    ...sighting.wanted
      .filter((region) => !taking.has(region))
      .map((region): Complaint => {
        const { detail, forMs } = absence(kept.filter((agent) => agent.region === region));
        const severity = anywhere ? "warning" : "critical";
        return { kind: "region_without_agents", region, agentId: null, agentName: null, severity, detail, forMs };
      }),
    ...kept.flatMap((agent) => ofAgent(agent, kept, taking.has(agent.region), open)),
  ];
}

function absence(agents: readonly StoredAgent[]): { detail: string; forMs: number } {
  if (agents.length === 0) return { detail: "It has no agents.", forMs: 0 };
  const states = agents.map(stateOf);
  const some = (state: (typeof states)[number], words: string) => {
    const count = states.filter((one) => one === state).length;
    return count === 0 ? [] : [`${count} ${words}`];
  };
  const found = [
    ...some("offline", "offline"),
    ...some("leaving", "leaving"),
    ...some("drained", "drained"),
    ...some("draining", "about to be drained"),
    ...some("clock_refused", "without a clock that can be corrected"),
    ...some("starting", "without a queue server yet"),
  ];
  const latest = Math.min(...agents.map(({ seenAgoMs }) => seenAgoMs));
  const forMs = states.every((state) => state === "offline" || state === "leaving") ? latest : 0;
  return { detail: `None of its agents takes checks: ${found.join(", ")}.`, forMs };
}

function ofAgent(
  agent: StoredAgent,
  all: readonly StoredAgent[],
  hasOthers: boolean,
  open: ReadonlySet<string>,
): Complaint[] {
  const { id, region, name } = agent;
  const state = stateOf(agent);
  const about = { region, agentId: id, agentName: name };
  const isOpen = (kind: Complaint["kind"]) => open.has(keyOf({ ...about, kind }));
  const complaint = (
    kind: Complaint["kind"],
    severity: Complaint["severity"],
    detail: string | null,
    forMs = 0,
  ): Complaint[] => (detail === null ? [] : [{ ...about, kind, severity, detail, forMs }]);

  if (state === "offline") {
    // Of whom nothing is heard nobody knows whether that is over.
    const unknown = (["agent_lagging", "spool_full", "clock_refused"] as const)
      .filter(isOpen)
      .flatMap((kind) => complaint(kind, "warning", "Nothing is heard of it any more."));
    const isMissed = hasOthers && isExpected(agent, all);
    if (!isMissed && !(isOpen("agent_offline") && isExpected(agent, all))) return unknown;
    const detail = "Nothing is heard of it. Other agents of its region make its checks.";
    return [...unknown, ...complaint("agent_offline", "info", detail, agent.seenAgoMs)];
  }
  if (!isOnline(state)) return [];
  return [
    ...complaint("agent_lagging", "warning", lagging(agent, isOpen("agent_lagging"))),
    ...complaint("spool_full", "warning", spoolFull(agent, isOpen("spool_full"))),
    ...complaint(
      "clock_refused",
      "warning",
      agent.load?.clockTrouble ? `It takes no checks: ${agent.load.clockTrouble}.` : null,
    ),
  ];
}

/** Whether an agent that is offline is to be there: it did not leave, and no other has taken its place. */
function isExpected(agent: StoredAgent, all: readonly StoredAgent[]): boolean {
  const { draining, drainedAt, credential, seenAgoMs, host, region } = agent;
  if (draining || drainedAt !== null || (credential === null && seenAgoMs > MISSED_FOR_MS)) return false;
  return !all.some(
    (other) =>
      other.region === region &&
      other.host === host &&
      host !== "" &&
      other.knownForMs < seenAgoMs &&
      isOnline(stateOf(other)),
  );
}

function lagging({ load }: StoredAgent, isOpen: boolean): string | null {
  if (load === null) return null;
  const { lateness, loopDelayMs } = load;
  if (lateness && lateness.checks >= CHECKS_NEEDED && lateness.p99Ms > (isOpen ? PROMPT_MS : LATE_MS)) {
    return `Of ${lateness.checks} checks of the last minute, one in 100 began ${Math.round(lateness.p99Ms)} ms late or more.`;
  }
  if (loopDelayMs > (isOpen ? LOOP_WELL_MS : LOOP_STUCK_MS)) {
    return `It stands still for ${Math.round(loopDelayMs)} ms at a time: its machine has too little to give it.`;
  }
  return null;
}

function spoolFull({ load }: StoredAgent, isOpen: boolean): string | null {
  const { spoolBytes, spoolMaxBytes, spooled = 0, droppedAgoMs = null } = load ?? {};
  if (droppedAgoMs !== null && droppedAgoMs < (isOpen ? DROPPED_LONG_AGO_MS : DROPPED_MS)) {
    return `It dropped results ${formatSpan(droppedAgoMs)} ago: they were too many or too old.`;
  }
  if (spoolBytes === undefined || !spoolMaxBytes || spoolBytes < (isOpen ? SPOOL_WELL : SPOOL_FULL) * spoolMaxBytes) {
    return null;
  }
  return `${spooled} results wait on its disk, ${formatBytes(spoolBytes)} of ${formatBytes(spoolMaxBytes)}; beyond that the oldest are dropped.`;
}
