import type { FastifyInstance } from "fastify";
import { newId } from "../../../shared/id.ts";
import type { AlertRule, AlertRuleSpec } from "../../notify/rule.ts";
import { alertRuleDocument, toRuleDocument } from "../../notify/rule.ts";
import type { AlertRuleStore, ChannelStore } from "../../store/channels.ts";
import { notFound, Problem } from "../problem.ts";
import { validate } from "../validate.ts";

type ById = { Params: { id: string } };

/** `/v1/alert-rules`: who is told of what. */
export function alertRuleRoutes(
  app: FastifyInstance,
  { rules, channels }: { readonly rules: AlertRuleStore; readonly channels: ChannelStore },
): void {
  async function read(body: unknown): Promise<AlertRuleSpec> {
    const spec = validate(alertRuleDocument, body);
    const known = new Set((await channels.list()).map(({ id }) => id));
    const errors = spec.steps.flatMap((step, n) =>
      step.channels
        .map((id, m) => ({ id, field: `steps.${n}.channels.${m}`, rule: `must be a channel: there is no ${id}` }))
        .filter(({ id }) => !known.has(id))
        .map(({ field, rule }) => ({ field, rule })),
    );
    if (errors[0]) throw new Problem(422, `${errors[0].field}: ${errors[0].rule}`, errors);
    return spec;
  }

  app.get("/v1/alert-rules", async () => ({ data: (await rules.list()).map(present), nextCursor: null }));

  app.get<ById>("/v1/alert-rules/:id", async ({ params }) => {
    const rule = await rules.get(params.id);
    if (!rule) throw notFound("alert rule", params.id);
    return present(rule);
  });

  app.post("/v1/alert-rules", async ({ body }, reply) => {
    const rule = await rules.put(newId("rul"), await read(body));
    return reply.code(201).header("location", `/v1/alert-rules/${rule.id}`).send(present(rule));
  });

  app.put<ById>("/v1/alert-rules/:id", async ({ params, body }) => {
    if (!(await rules.get(params.id))) throw notFound("alert rule", params.id);
    return present(await rules.put(params.id, await read(body)));
  });

  app.delete<ById>("/v1/alert-rules/:id", async ({ params }, reply) => {
    if (!(await rules.remove(params.id))) throw notFound("alert rule", params.id);
    return reply.code(204).send();
  });
}

function present({ id, ...spec }: AlertRule) {
  return { id, ...toRuleDocument(spec) };
}
