import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { isoTime } from "../../../shared/clock.ts";
import type { Delivery, DeliveryStore } from "../../store/deliveries.ts";
import { deliveryStates } from "../../store/deliveries.ts";
import { notFound, Problem } from "../problem.ts";
import { page, pageQuery, plainText, readCursor, validate } from "../validate.ts";

const listQuery = z.strictObject({
  ...pageQuery,
  state: z.enum(deliveryStates).optional(),
  incident: plainText(64).optional(),
  channel: plainText(64).optional(),
});
const position = z.object({ createdAt: z.number(), id: z.string() });
type ById = { Params: { id: string } };

/** `/v1/deliveries`: what people were told, or could not be. */
export function deliveryRoutes(app: FastifyInstance, { deliveries }: { readonly deliveries: DeliveryStore }): void {
  app.get("/v1/deliveries", async ({ query }) => {
    const { limit, cursor, state, incident, channel } = validate(listQuery, query);
    const filter = { state, incidentId: incident, channelId: channel };
    const found = await deliveries.list(limit + 1, filter, readCursor(position, cursor));
    return page(found, limit, present, ({ createdAt, id }) => ({ createdAt, id }));
  });

  app.get<ById>("/v1/deliveries/:id", async ({ params }) => {
    const delivery = await deliveries.get(params.id);
    if (!delivery) throw notFound("delivery", params.id);
    return present(delivery);
  });

  app.post<ById>("/v1/deliveries/:id/retry", async ({ params }, reply) => {
    const { id } = params;
    const isPlanned = await deliveries.retry(id);
    const delivery = await deliveries.get(id);
    if (!delivery) throw notFound("delivery", id);
    const isDone = delivery.state === "failed" || delivery.state === "uncertain";
    if (!isPlanned && isDone) throw new Problem(409, "Its channel was removed: there is nowhere to send it.");
    if (!isPlanned) throw new Problem(409, `It neither failed nor is uncertain: it is ${delivery.state}.`);
    return reply.code(202).send(present(delivery));
  });
}

function present({ createdAt, dueAt, endedAt, content: _, message, ruleId, ...delivery }: Delivery) {
  return {
    ...delivery,
    ruleId: ruleId === "" ? null : ruleId,
    title: message.title,
    severity: message.severity,
    dueAt: isoTime(dueAt),
    createdAt: isoTime(createdAt),
    endedAt: endedAt === null ? null : isoTime(endedAt),
  };
}
