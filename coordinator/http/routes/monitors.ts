import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { isoTime } from "../../../shared/clock.ts";
import { newId } from "../../../shared/id.ts";
import type { Monitor, MonitorSpec } from "../../../shared/monitor.ts";
import { monitorDocument, toDocument } from "../../../shared/monitor.ts";
import type { MonitorStore } from "../../store/monitors.ts";
import type { MonitorStatus, RegionStatus, StatusStore } from "../../store/status.ts";
import type { VerdictCounts } from "../api-types.ts";
import { mergePatch } from "../merge-patch.ts";
import { notFound } from "../problem.ts";
import { page, pageQuery, readCursor, validate } from "../validate.ts";

const listQuery = z.strictObject(pageQuery);
const noQuery = z.strictObject({});
const position = z.object({ createdAt: z.number(), id: z.string() });
const patchBody = z.record(z.string(), z.unknown());
type ById = { Params: { id: string } };

/** `/v1/monitors`: create, read, list, change, delete; `/v1/verdicts`: how many have each. */
export function monitorRoutes(
  app: FastifyInstance,
  { monitors, statuses }: { monitors: MonitorStore; statuses: StatusStore },
): void {
  async function presentOne(monitor: Monitor) {
    return present(monitor, (await statuses.of([monitor.id])).get(monitor.id));
  }

  app.post("/v1/monitors", async (request, reply) => {
    const spec = validate(monitorDocument, request.body);
    const monitor = await monitors.create(newId("mon"), spec);
    return reply
      .code(201)
      .header("location", `/v1/monitors/${monitor.id}`)
      .send(await presentOne(monitor));
  });

  app.get("/v1/monitors", async (request) => {
    const { limit, cursor } = validate(listQuery, request.query);
    const found = await monitors.list(limit + 1, readCursor(position, cursor));
    const known = await statuses.of(found.map(({ id }) => id));
    return page(
      found,
      limit,
      (monitor) => present(monitor, known.get(monitor.id)),
      ({ createdAt, id }) => ({ createdAt, id }),
    );
  });

  app.get("/v1/verdicts", async ({ query }): Promise<VerdictCounts> => {
    validate(noQuery, query);
    return await statuses.counts();
  });

  app.get<ById>("/v1/monitors/:id", async ({ params }) => {
    const monitor = await monitors.get(params.id);
    if (!monitor) throw notFound("monitor", params.id);
    return await presentOne(monitor);
  });

  app.patch<ById>("/v1/monitors/:id", async ({ params, body, caller }) => {
    const patch = validate(patchBody, body);
    const revise = (current: Monitor) => validate(monitorDocument, mergePatch(toDocument(specOf(current)), patch));
    const monitor = await monitors.change(params.id, revise, caller?.name);
    if (!monitor) throw notFound("monitor", params.id);
    return await presentOne(monitor);
  });

  app.delete<ById>("/v1/monitors/:id", async ({ params, caller }, reply) => {
    if (!(await monitors.remove(params.id, caller?.name))) throw notFound("monitor", params.id);
    return reply.code(204).send();
  });
}

function specOf({ id: _, revision: __, createdAt: ___, updatedAt: ____, ...spec }: Monitor): MonitorSpec {
  return spec;
}

function present(monitor: Monitor, status: MonitorStatus | undefined) {
  const { id, revision, createdAt, updatedAt } = monitor;
  return {
    id,
    ...toDocument(specOf(monitor)),
    revision,
    createdAt: isoTime(createdAt),
    updatedAt: isoTime(updatedAt),
    status: {
      verdict: status?.verdict ?? "unknown",
      since: isoTime(status?.since ?? createdAt),
      suspected: status?.suspected ?? false,
      flapping: status?.flapping ?? false,
      regions: Object.fromEntries((status?.regions ?? []).map((region) => [region.region, presentRegion(region)])),
    },
  };
}

function presentRegion({ status, latencyMs, statusCode, address, error, checkedAt }: RegionStatus) {
  return { status, latencyMs, statusCode, address, error, lastCheckAt: isoTime(checkedAt) };
}
