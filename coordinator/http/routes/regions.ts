import type { FastifyInstance } from "fastify";
import { isoTime } from "../../../shared/clock.ts";
import { OFFLINE_AFTER_MS } from "../../../shared/link.ts";
import { presentTrouble } from "../../agents/present-trouble.ts";
import { isKept, isOnline, stateOf } from "../../agents/state.ts";
import type { AgentTroubleStore } from "../../store/agent-troubles.ts";
import type { AgentStore } from "../../store/agents.ts";
import type { ImpairmentStore } from "../../store/impairments.ts";
import type { RegionStore } from "../../store/regions.ts";
import type { StatusStore } from "../../store/status.ts";
import { notFound, Problem } from "../problem.ts";

/** Agents that were gone for longer than this, in ms, are not counted among a region's, unless they are enrolled. */
const RECENT_MS = 3_600_000;

/** So many agents or monitors that stand in the way are named. */
const NAMES_TOLD = 3;

/** `/v1/regions`: where checks run from. */
export function regionRoutes(
  app: FastifyInstance,
  {
    regions,
    agents,
    statuses,
    impairments,
    troubles,
  }: {
    regions: RegionStore;
    agents: AgentStore;
    statuses: StatusStore;
    impairments: Pick<ImpairmentStore, "current">;
    troubles: Pick<AgentTroubleStore, "open">;
  },
): void {
  app.get("/v1/regions", async () => {
    const [known, seen, last, impaired, open] = await Promise.all([
      regions.list(),
      agents.known(RECENT_MS),
      statuses.lastResults(),
      impairments.current(),
      troubles.open(),
    ]);
    const data = known.map((region) => {
      const own = seen.filter((agent) => agent.region === region && isKept(agent));
      const lastResult = last.get(region);
      const impairment = impaired.find((one) => one.region === region);
      return {
        region,
        agents: {
          online: own.filter((agent) => isOnline(stateOf(agent))).length,
          taking: own.filter((agent) => stateOf(agent) === "online").length,
          total: own.length,
        },
        lastResultAt: lastResult === undefined ? null : isoTime(lastResult),
        impaired: impairment ? { since: isoTime(impairment.since), reason: impairment.reason } : null,
        troubles: open.filter((trouble) => trouble.region === region).map(presentTrouble),
      };
    });
    return { data, nextCursor: null };
  });

  app.delete<{ Params: { region: string } }>("/v1/regions/:region", async ({ params: { region }, caller }, reply) => {
    const [known, seen, named] = await Promise.all([
      regions.list(),
      agents.seenWithin(OFFLINE_AFTER_MS),
      regions.namedBy(region, NAMES_TOLD + 1),
    ]);
    if (!known.includes(region)) throw notFound("region", region);
    const online = seen.filter((agent) => agent.region === region && isOnline(stateOf(agent)));
    if (online.length > 0) {
      const ids = listed(online.map(({ id }) => id));
      throw new Problem(409, `Agents of ${region} are online, and it would come back: stop ${ids} first.`);
    }
    if (named.length > 0) {
      const names = listed(named.map((name) => JSON.stringify(name)));
      throw new Problem(409, `Monitors name ${region}: take it off ${names} first.`);
    }
    if (!(await regions.retire(region, caller?.name))) throw notFound("region", region);
    return reply.code(204).send();
  });
}

/** The first few of a list, as words. */
function listed(items: readonly string[]): string {
  return items.slice(0, NAMES_TOLD).join(", ") + (items.length > NAMES_TOLD ? " and others" : "");
}
