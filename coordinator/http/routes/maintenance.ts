import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Clock } from "../../../shared/clock.ts";
import { isoTime } from "../../../shared/clock.ts";
import { newId } from "../../../shared/id.ts";
import type { MaintenanceWindow } from "../../maintenance/document.ts";
import { toWindowDocument, windowDocument } from "../../maintenance/document.ts";
import { nextSpan } from "../../maintenance/spans.ts";
import type { MaintenanceStore } from "../../store/maintenance.ts";
import { mergePatch } from "../merge-patch.ts";
import { notFound } from "../problem.ts";
import { page, pageQuery, readCursor, validate } from "../validate.ts";

const listQuery = z.strictObject(pageQuery);
const position = z.object({ createdAt: z.number(), id: z.string() });
const patchBody = z.record(z.string(), z.unknown());
type ById = { Params: { id: string } };

/** `/v1/maintenance`: create, read, list, change, delete windows in which trouble is expected. */
export function maintenanceRoutes(
  app: FastifyInstance,
  { maintenance, clock }: { maintenance: MaintenanceStore; clock: Clock },
): void {
  const present = (window: MaintenanceWindow) => presentAt(window, clock.now());

  app.post("/v1/maintenance", async (request, reply) => {
    const window = await maintenance.create(newId("mnt"), validate(windowDocument, request.body));
    return reply.code(201).header("location", `/v1/maintenance/${window.id}`).send(present(window));
  });

  app.get("/v1/maintenance", async (request) => {
    const { limit, cursor } = validate(listQuery, request.query);
    const found = await maintenance.list(limit + 1, readCursor(position, cursor));
    return page(found, limit, present, ({ createdAt, id }) => ({ createdAt, id }));
  });

  app.get<ById>("/v1/maintenance/:id", async ({ params }) => {
    const window = await maintenance.get(params.id);
    if (!window) throw notFound("maintenance window", params.id);
    return present(window);
  });

  app.patch<ById>("/v1/maintenance/:id", async ({ params, body }) => {
    const patch = validate(patchBody, body);
    const window = await maintenance.change(params.id, (current) =>
      validate(windowDocument, mergePatch(toWindowDocument(current), patch)),
    );
    if (!window) throw notFound("maintenance window", params.id);
    return present(window);
  });

  app.delete<ById>("/v1/maintenance/:id", async ({ params }, reply) => {
    if (!(await maintenance.remove(params.id))) throw notFound("maintenance window", params.id);
    return reply.code(204).send();
  });
}

function presentAt(window: MaintenanceWindow, now: number) {
  const { id, createdAt, updatedAt, enabled, when } = window;
  const span = enabled ? nextSpan(when, now) : null;
  return {
    id,
    ...toWindowDocument(window),
    createdAt: isoTime(createdAt),
    updatedAt: isoTime(updatedAt),
    active: span !== null && span.from <= now,
    next: span && { from: isoTime(span.from), to: isoTime(span.to) },
  };
}
