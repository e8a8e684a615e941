import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { presentTrouble } from "../../agents/present-trouble.ts";
import type { AgentTroubleStore } from "../../store/agent-troubles.ts";
import { validate } from "../validate.ts";

const MAX_LISTED = 1_000;
const query = z.strictObject({
  state: z.enum(["open", "resolved"]).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_LISTED).default(100),
});

/** `/v1/agent-troubles`: what is wrong with agents and with regions' agents, and was. */
export function agentTroubleRoutes(
  app: FastifyInstance,
  { troubles }: { readonly troubles: Pick<AgentTroubleStore, "latest"> },
): void {
  app.get("/v1/agent-troubles", async (request) => {
    const { state, limit } = validate(query, request.query);
    const found = await troubles.latest(limit, state ?? null);
    return { data: found.map(presentTrouble), nextCursor: null };
  });
}
