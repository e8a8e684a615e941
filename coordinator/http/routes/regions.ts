import type { FastifyInstance } from "fastify";
import { isoTime } from "../../../shared/clock.ts";
import { OFFLINE_AFTER_MS } from "../../../shared/link.ts";
import type { AgentSighting, AgentStore } from "../../store/agents.ts";
import type { RegionStore } from "../../store/regions.ts";
import type { StatusStore } from "../../store/status.ts";

/** Agents that were gone for longer than this, in ms, are not counted among a region's. */
const RECENT_MS = 3_600_000;

/** `/v1/regions` and `/v1/agents`: where checks run from, and which agents live. */
export function regionRoutes(
  app: FastifyInstance,
  { regions, agents, statuses }: { regions: RegionStore; agents: AgentStore; statuses: StatusStore },
): void {
  app.get("/v1/regions", async () => {
    const [known, seen, last] = await Promise.all([
      regions.list(),
      agents.seenWithin(RECENT_MS),
      statuses.lastResults(),
    ]);
    const data = known.map(({ region }) => {
      const own = seen.filter((agent) => agent.region === region);
      const lastResult = last.get(region);
      return {
        region,
        agents: { online: own.filter(isOnline).length, total: own.length },
        lastResultAt: lastResult === undefined ? null : isoTime(lastResult),
      };
    });
    return { data, nextCursor: null };
  });

  app.get("/v1/agents", async () => {
    const seen = await agents.seenWithin(RECENT_MS);
    const data = seen.map((agent) => ({ ...agent, online: isOnline(agent) }));
    return { data, nextCursor: null };
  });
}

function isOnline({ seenAgoMs, draining }: AgentSighting): boolean {
  return seenAgoMs < OFFLINE_AFTER_MS && !draining;
}
