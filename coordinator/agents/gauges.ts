import type { AgentLoad } from "../../shared/agent-message.ts";
import type { Metrics } from "../metrics.ts";
import type { AgentTroubleStore } from "../store/agent-troubles.ts";
import type { AgentStore, StoredAgent } from "../store/agents.ts";
import { isOnline, stateOf } from "./state.ts";

/** Agents that were gone for longer, in ms, are left out, unless they are enrolled. */
const RECENT_MS = 3_600_000;
/** Several figures are asked for at once: they are read once in this time, in ms. */
const SHARED_MS = 500;

/** What `/metrics` tells of agents: the same on every coordinator. */
export function agentGauges(
  metrics: Pick<Metrics, "gauges">,
  {
    agents,
    troubles,
  }: { readonly agents: Pick<AgentStore, "known">; readonly troubles: Pick<AgentTroubleStore, "open"> },
): void {
  let reading: { readonly at: number; readonly agents: Promise<StoredAgent[]> } | undefined;

  function read(): Promise<StoredAgent[]> {
    const now = performance.now();
    if (reading === undefined || now - reading.at > SHARED_MS) reading = { at: now, agents: agents.known(RECENT_MS) };
    return reading.agents;
  }

  metrics.gauges("agents", "Agents, by region and state.", ["region", "state"], async () => {
    const counts = new Map<string, number>();
    for (const agent of (await read()).filter(({ credential }) => credential !== "revoked")) {
      const key = JSON.stringify({ region: agent.region, state: stateOf(agent) });
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return [...counts].map(([key, count]) => [JSON.parse(key), count] as const);
  });
  metrics.gauges(
    "agent_troubles_open",
    "What is wrong with agents now, by region and kind.",
    ["region", "kind"],
    async () => {
      const counts = new Map<string, number>();
      for (const { region, kind } of await troubles.open()) {
        const key = JSON.stringify({ region, kind });
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      return [...counts].map(([key, count]) => [JSON.parse(key), count] as const);
    },
  );

  /** One figure of each agent that is online and tells it. */
  function each(name: string, help: string, of: (load: AgentLoad) => number | null | undefined): void {
    metrics.gauges(name, help, ["agent", "region"], async () =>
      (await read()).flatMap((agent) => {
        const { id, region, load } = agent;
        const value = load && isOnline(stateOf(agent)) ? of(load) : null;
        return value === null || value === undefined ? [] : [[{ agent: id, region }, value] as const];
      }),
    );
  }

  each("agent_checks_in_flight", "Checks that an agent performs.", ({ inFlight }) => inFlight);
  each("agent_capacity", "Checks that an agent may perform at once.", ({ capacity }) => capacity);
  each(
    "agent_lateness_p99_seconds",
    "How late 99 of 100 checks of the last minute began at most.",
    ({ lateness }) => lateness && lateness.p99Ms / 1_000,
  );
  each(
    "agent_loop_delay_seconds",
    "The worst delay of an agent's event loop between two heartbeats.",
    ({ loopDelayMs }) => loopDelayMs / 1_000,
  );
  each(
    "agent_clock_offset_seconds",
    "An agent's clock minus the coordinator's, before it is corrected.",
    ({ clockOffsetMs }) => (clockOffsetMs === null ? null : clockOffsetMs / 1_000),
  );
  each("agent_clock_error_seconds", "How far off an agent's corrected clock may be.", ({ clockErrorMs }) =>
    clockErrorMs === null ? null : clockErrorMs / 1_000,
  );
  each("agent_outbox_results", "Results that wait in an agent's memory.", ({ outbox }) => outbox);
  each("agent_spool_bytes", "Bytes of results that wait on an agent's disk.", ({ spoolBytes }) => spoolBytes);
  each("agent_spool_max_bytes", "How many may.", ({ spoolMaxBytes }) => spoolMaxBytes);
  each("agent_cpu_cores", "How much of a core an agent takes.", ({ cpu }) => cpu);
  each("agent_resident_bytes", "Memory that an agent takes.", ({ rssBytes }) => rssBytes);
}
