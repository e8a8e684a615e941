import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Clock } from "../../../shared/clock.ts";
import { isRegion, regionRule } from "../../../shared/region.ts";
import { incidentLevels } from "../../incidents/incident.ts";
import { presentDelivery, presentEntry, presentEvidence, presentIncident } from "../../incidents/present.ts";
import type { IncidentStore } from "../../store/incident-store.ts";
import type { IncidentDetail } from "../api-types.ts";
import { notFound, Problem } from "../problem.ts";
import { instant, page, pageQuery, plainText, readCursor, validate } from "../validate.ts";

const listQuery = z
  .strictObject({
    ...pageQuery,
    state: z.enum(["open", "resolved"]).optional(),
    monitor: z
      .string()
      .regex(/^mon_[0-9a-z]{1,40}$/, "must be a monitor's id")
      .optional(),
    region: z.string().refine(isRegion, { message: regionRule }).optional(),
    level: z.enum(incidentLevels).optional(),
    from: instant.optional(),
    to: instant.optional(),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from < to, {
    path: ["to"],
    message: "must be after from",
  });
const position = z.object({ startedAt: z.int(), id: z.string().max(64) });

const by = plainText(200).optional();
const acknowledgement = z.strictObject({ by, note: plainText(5_000).optional() });
const note = z.strictObject({ text: plainText(5_000), by });

type ById = { Params: { id: string } };

/** `/v1/incidents`: list, read, acknowledge, note. */
export function incidentRoutes(
  app: FastifyInstance,
  { incidents, clock }: { readonly incidents: IncidentStore; readonly clock: Clock },
): void {
  async function detail(id: string): Promise<IncidentDetail> {
    const incident = await incidents.get(id);
    if (!incident) throw notFound("incident", id);
    const [timeline, deliveries] = await Promise.all([incidents.timeline(id), incidents.deliveries(id)]);
    return {
      ...presentIncident(incident, clock.now()),
      evidence: incident.evidence.map(presentEvidence),
      timeline: timeline.map(presentEntry),
      deliveries: deliveries.map(presentDelivery),
    };
  }

  app.get("/v1/incidents", async ({ query }) => {
    const { state, monitor, region, level, from, to, limit, cursor } = validate(listQuery, query);
    const found = await incidents.list({
      open: state === undefined ? null : state === "open",
      monitorId: monitor ?? null,
      region: region ?? null,
      level: level ?? null,
      from: from ?? null,
      to: to ?? null,
      after: readCursor(position, cursor),
      limit: limit + 1,
    });
    const now = clock.now();
    return page(
      found,
      limit,
      (incident) => presentIncident(incident, now),
      ({ startedAt, id }) => ({ startedAt, id }),
    );
  });

  app.get<ById>("/v1/incidents/:id", ({ params }) => detail(known(params.id)));

  app.post<ById>("/v1/incidents/:id/acknowledge", async ({ params, body }) => {
    const { by, note } = validate(acknowledgement, body ?? {});
    const acknowledged = await incidents.acknowledge(known(params.id), by ?? null, note ?? null);
    if (acknowledged === null) throw notFound("incident", params.id);
    if (!acknowledged) throw new Problem(409, `Incident ${params.id} is resolved: there is nothing to acknowledge.`);
    return await detail(params.id);
  });

  app.post<ById>("/v1/incidents/:id/notes", async ({ params, body }, reply) => {
    const { text, by } = validate(note, body);
    if (!(await incidents.addNote(known(params.id), text, by ?? null))) throw notFound("incident", params.id);
    return reply.code(201).send(await detail(params.id));
  });
}

/** @throws Problem 404 when it cannot be an incident's id. */
function known(id: string): string {
  if (!/^inc_[0-9a-z]{1,40}$/.test(id)) throw notFound("incident", id);
  return id;
}
