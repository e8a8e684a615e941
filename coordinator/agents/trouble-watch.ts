import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { newId } from "../../shared/id.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { AgentTroubleStore } from "../store/agent-troubles.ts";
import type { AgentStore, StoredAgent } from "../store/agents.ts";
import { complaintsOf } from "./complaints.ts";
import { decide, type Memory, patience } from "./hysteresis.ts";
import { isOnline, stateOf } from "./state.ts";
import type { AgentTrouble } from "./trouble.ts";
import { beginning, keyOf } from "./trouble.ts";

const LOOK_EVERY_MS = 1_000;
/** Agents that were gone for longer, in ms, are not missed any more, unless they are enrolled. */
const REMEMBERED_MS = 86_400_000;
/** That trouble lasts is noted so often, in ms: what another coordinator sees is not ended. */
const NOTE_EVERY_MS = 2_000;

/**
 * Looks every second whether something is wrong with agents or regions, and has people told of
 * it. Every coordinator may: all decide on what PostgreSQL has, and each is told once.
 */
export function createTroubleWatch({
  agents,
  troubles,
  wantedRegions,
  clock,
  logger,
}: {
  readonly agents: Pick<AgentStore, "known">;
  readonly troubles: AgentTroubleStore;
  /** The regions in which something is to be checked. */
  readonly wantedRegions: () => readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}): Part {
  let memory: Memory | null = null;
  let notedAt = 0;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;

  async function look(): Promise<void> {
    const [seen, open] = await Promise.all([agents.known(REMEMBERED_MS), troubles.open()]);
    const now = Math.floor(clock.now());
    const sighting = { agents: seen, wanted: wantedRegions() };
    const complaints = complaintsOf(sighting, new Set(open.map(keyOf)));
    const isThere = (trouble: AgentTrouble) => isAbout(trouble, sighting);
    const decision = decide(memory, complaints, open, isThere, now);
    memory = decision.memory;
    for (const { forMs: _, ...complaint } of decision.begun) {
      const trouble = { ...complaint, id: newId("trb"), openedAt: now, ...beginning };
      if (!(await troubles.begin(trouble))) continue;
      const { kind, region, agentId, detail } = trouble;
      logger.warn({ trouble: kind, region, agent: agentId, detail }, "Trouble with agents has begun");
    }
    if (now - notedAt >= NOTE_EVERY_MS && decision.lasting.length > 0) {
      notedAt = now;
      await troubles.note(
        decision.lasting.map(({ id }) => id),
        now,
      );
    }
    for (const { trouble, resolution } of decision.ended) {
      const { id, kind, region, agentId } = trouble;
      if (!(await troubles.end(id, resolution, now - patience[kind].endMs, now))) continue;
      logger.info({ trouble: kind, region, agent: agentId, resolution }, "Trouble with agents is over");
    }
  }

  return {
    async start() {
      timer = setInterval(() => {
        looking ??= look()
          .catch((thrown) => logger.warn({ reason: errorText(thrown) }, "It could not be looked for trouble of agents"))
          .finally(() => {
            looking = undefined;
          });
      }, LOOK_EVERY_MS);
    },
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}

/** Whether those are still there of whom it was told. */
function isAbout(
  { region, agentId }: AgentTrouble,
  { agents, wanted }: { readonly agents: readonly StoredAgent[]; readonly wanted: readonly string[] },
): boolean {
  if (agentId === null) return wanted.includes(region);
  return agents.some((agent) => agent.id === agentId && agent.credential !== "revoked" && isOnline(stateOf(agent)));
}
