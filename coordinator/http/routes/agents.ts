import type { FastifyInstance } from "fastify";
import { isIdOf } from "../../../shared/agent-secret.ts";
import { isoTime } from "../../../shared/clock.ts";
import { presentTrouble } from "../../agents/present-trouble.ts";
import { baseOf, isOnline, stateOf } from "../../agents/state.ts";
import type { AgentTrouble } from "../../agents/trouble.ts";
import type { AgentCredentialStore, StoredCredential } from "../../store/agent-credentials.ts";
import type { AgentTroubleStore } from "../../store/agent-troubles.ts";
import type { AgentStore, StoredAgent } from "../../store/agents.ts";
import type { DrainStore } from "../../store/drains.ts";
import type { AgentRow } from "../api-types.ts";
import { notFound, Problem } from "../problem.ts";

/** Agents that share a token are listed for so long after they were seen, in ms; so are those that were revoked. */
const RECENT_MS = 3_600_000;
/** Nobody is asked about longer, in ms: that is when those that are not enrolled are forgotten. */
const REMEMBERED_MS = 86_400_000;

type ById = { Params: { id: string } };

/** `/v1/agents`: which agents live, how they are, whether they are to take checks, and the ends of their credentials. */
export function agentRoutes(
  app: FastifyInstance,
  {
    agents,
    credentials,
    drains,
    troubles,
  }: {
    readonly agents: Pick<AgentStore, "known">;
    readonly credentials: AgentCredentialStore;
    readonly drains: DrainStore;
    readonly troubles: Pick<AgentTroubleStore, "open">;
  },
): void {
  async function list(ms: number): Promise<AgentRow[]> {
    const [seen, enrolled, open] = await Promise.all([agents.known(ms), credentials.list(), troubles.open()]);
    const now = Date.now();
    const unseen = enrolled.filter(
      ({ agentId, revokedAt }) =>
        !seen.some(({ id }) => isIdOf(agentId, id)) && (revokedAt === null || now - revokedAt < RECENT_MS),
    );
    return [
      ...seen.map((agent) => {
        const credential = enrolled.find(({ agentId }) => isIdOf(agentId, agent.id)) ?? null;
        const own = open.filter(({ agentId }) => agentId === agent.id);
        return present(agent, credential, own);
      }),
      ...unseen.map((credential) => present(neverSeen(credential), credential, [])),
    ];
  }

  /** The agent, and all of its processes. */
  const ofId = async (id: string) => (await list(REMEMBERED_MS)).filter((agent) => isIdOf(id, agent.id));

  app.get("/v1/agents", async () => ({ data: await list(RECENT_MS), nextCursor: null }));

  app.get<ById>("/v1/agents/:id", async ({ params: { id } }) => {
    const agent = (await ofId(id)).find((one) => one.id === id);
    if (!agent) throw notFound("agent", id);
    return agent;
  });

  app.post<ById>("/v1/agents/:id/drain", async ({ params: { id } }) => {
    if ((await ofId(id)).length === 0) throw notFound("agent", id);
    await drains.add(id);
    return { data: await ofId(id), nextCursor: null };
  });

  app.post<ById>("/v1/agents/:id/resume", async ({ params: { id } }) => {
    const base = baseOf(id);
    const isPartOfDrained = base !== id && (await drains.list()).some(({ agentId }) => agentId === base);
    if (isPartOfDrained) throw new Problem(409, `All processes of ${base} are drained: resume ${base}.`);
    const wasDrained = await drains.remove(id);
    if (!wasDrained && (await ofId(id)).length === 0) throw notFound("agent", id);
    return { data: await ofId(id), nextCursor: null };
  });

  /** One credential serves all processes of an agent. */
  async function find(id: string): Promise<StoredCredential> {
    const credential = await credentials.get(baseOf(id));
    if (credential === null) throw notFound("enrolled agent", id);
    return credential;
  }

  app.delete<ById>(
    "/v1/agents/:id",
    { config: { scope: "admin", action: "agents.revoke" } },
    async (request, reply) => {
      const { agentId, region, name } = await find(request.params.id);
      await credentials.revoke(agentId);
      request.auditDetail = { region, name };
      return reply.code(204).send();
    },
  );

  app.post<ById>("/v1/agents/:id/rotate", { config: { scope: "admin" } }, async (request, reply) => {
    const { agentId, generation } = await find(request.params.id);
    if (!(await credentials.askRotation(agentId))) throw new Problem(409, `The agent ${agentId} has been revoked.`);
    request.auditDetail = { generation };
    return reply.code(202).send({ agentId, generation });
  });
}

type Presented = Omit<StoredAgent, "seenAgoMs" | "toldAgoMs" | "knownForMs" | "credential" | "name"> & {
  readonly seenAgoMs: number | null;
};

function present(
  { id, region, version, host, node, draining, drainedAt, seenAgoMs, load }: Presented,
  credential: StoredCredential | null,
  troubles: readonly AgentTrouble[],
): AgentRow {
  const isRevoked = credential !== null && credential.revokedAt !== null;
  const state = isRevoked ? "revoked" : stateOf({ seenAgoMs, draining, drainedAt, load });
  return {
    id,
    region,
    version,
    host,
    node,
    state,
    online: isOnline(state),
    draining,
    drainedAt: drainedAt === null ? null : isoTime(drainedAt),
    seenAgoMs,
    troubles: troubles.map(presentTrouble),
    load,
    enrollment: credential && {
      name: credential.name,
      generation: credential.generation,
      rotating: credential.rotationAskedAt !== null,
      createdAt: isoTime(credential.createdAt),
      lastUsedAt: credential.lastUsedAt === null ? null : isoTime(credential.lastUsedAt),
      revokedAt: credential.revokedAt === null ? null : isoTime(credential.revokedAt),
    },
  };
}

/** An agent that was not here lately, or never yet. */
function neverSeen({ agentId, region }: StoredCredential): Presented {
  const nothing = { version: "", host: "", node: "", draining: false, drainedAt: null, load: null, seenAgoMs: null };
  return { id: agentId, region, ...nothing };
}
