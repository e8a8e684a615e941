import type { FastifyInstance } from "fastify";
import { isoTime } from "../../../shared/clock.ts";
import { OFFLINE_AFTER_MS } from "../../../shared/link.ts";
import type { AgentCredentialStore, StoredCredential } from "../../store/agent-credentials.ts";
import type { AgentSighting, AgentStore } from "../../store/agents.ts";
import type { AgentRow } from "../api-types.ts";
import { notFound, Problem } from "../problem.ts";

/** Agents that share a token are listed for so long after they were seen, in ms; so are those that were revoked. */
const RECENT_MS = 3_600_000;

type ById = { Params: { id: string } };

/** `/v1/agents`: which agents live, and the ends and beginnings of their credentials. */
export function agentRoutes(
  app: FastifyInstance,
  { agents, credentials }: { readonly agents: AgentStore; readonly credentials: AgentCredentialStore },
): void {
  app.get("/v1/agents", async () => {
    const [seen, enrolled] = await Promise.all([agents.seenWithin(RECENT_MS), credentials.list()]);
    const now = Date.now();
    const unseen = enrolled.filter(
      ({ agentId, revokedAt }) =>
        !seen.some(({ id }) => baseOf(id) === agentId) && (revokedAt === null || now - revokedAt < RECENT_MS),
    );
    const data = [
      ...seen.map((agent) => present(agent, enrolled.find(({ agentId }) => agentId === baseOf(agent.id)) ?? null)),
      ...unseen.map((credential) => present(neverSeen(credential), credential)),
    ];
    return { data, nextCursor: null };
  });

  async function find(id: string): Promise<StoredCredential> {
    const credential = await credentials.get(id);
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

/** Of one of an agent's processes, the agent's. */
const baseOf = (id: string): string => id.replace(/-[1-9]\d?$/, "");

function present(
  agent: Omit<AgentSighting, "seenAgoMs"> & { readonly seenAgoMs: number | null },
  credential: StoredCredential | null,
): AgentRow {
  const isRevoked = credential !== null && credential.revokedAt !== null;
  return {
    ...agent,
    online: agent.seenAgoMs !== null && agent.seenAgoMs < OFFLINE_AFTER_MS && !agent.draining && !isRevoked,
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
function neverSeen({ agentId, region }: StoredCredential) {
  return { id: agentId, region, version: "", host: "", node: "", draining: false, load: null, seenAgoMs: null };
}
