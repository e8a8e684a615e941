import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { presentTrouble } from "../../agents/present-trouble.ts";
import type { AgentTroubleStore } from "../../store/agent-troubles.ts";
import type { AgentTroubleRow } from "../api-types.ts";
import { notFound, Problem } from "../problem.ts";
import { plainText, validate } from "../validate.ts";

const MAX_LISTED = 1_000;
const query = z.strictObject({
  state: z.enum(["open", "resolved"]).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_LISTED).default(100),
});
const acknowledgement = z.strictObject({ by: plainText(200).optional(), note: plainText(5_000).optional() });

type ById = { Params: { id: string } };

/** `/v1/agent-troubles`: what is wrong with agents and with regions' agents, and was; and who takes care of it. */
export function agentTroubleRoutes(
  app: FastifyInstance,
  { troubles }: { readonly troubles: Pick<AgentTroubleStore, "latest" | "get" | "acknowledge"> },
): void {
  async function find(id: string): Promise<AgentTroubleRow> {
    const trouble = /^trb_[0-9a-z]{1,40}$/.test(id) ? await troubles.get(id) : null;
    if (trouble === null) throw notFound("trouble of agents", id);
    return presentTrouble(trouble);
  }

  app.get("/v1/agent-troubles", async (request) => {
    const { state, limit } = validate(query, request.query);
    const found = await troubles.latest(limit, state ?? null);
    return { data: found.map(presentTrouble), nextCursor: null };
  });

  app.get<ById>("/v1/agent-troubles/:id", ({ params }) => find(params.id));

  app.post<ById>("/v1/agent-troubles/:id/acknowledge", async ({ params: { id }, body }) => {
    const { by = null, note = null } = validate(acknowledgement, body ?? {});
    await find(id);
    const isOpen = await troubles.acknowledge(id, by, note);
    if (isOpen === false) throw new Problem(409, `Trouble ${id} is over: there is nothing to acknowledge.`);
    return find(id);
  });
}
