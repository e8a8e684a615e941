import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { isoTime } from "../../../shared/clock.ts";
import { isRegion, regionRule } from "../../../shared/region.ts";
import type { MonitorStore } from "../../store/monitors.ts";
import type { ResultStore, StoredResult } from "../../store/results.ts";
import { notFound } from "../problem.ts";
import { instant, page, pageQuery, readCursor, validate } from "../validate.ts";

const listQuery = z.strictObject({
  ...pageQuery,
  region: z.string().refine(isRegion, { message: regionRule }).optional(),
  from: instant.optional(),
  to: instant.optional(),
});
const position = z.object({
  scheduledAt: z.int().min(0),
  region: z.string(),
  round: z.int().min(0),
  attempt: z.int().min(0),
});

/** `/v1/monitors/:id/results`: by region and window, newest first. */
export function resultRoutes(
  app: FastifyInstance,
  { monitors, results }: { monitors: MonitorStore; results: ResultStore },
): void {
  app.get<{ Params: { id: string } }>("/v1/monitors/:id/results", async ({ params, query }) => {
    const { limit, cursor, region, from, to } = validate(listQuery, query);
    const after = readCursor(position, cursor);
    if (!(await monitors.get(params.id))) throw notFound("monitor", params.id);
    const found = await results.list({
      monitorId: params.id,
      region: region ?? null,
      from: from ?? null,
      to: to ?? null,
      after,
      limit: limit + 1,
    });
    return page(found, limit, present, ({ scheduledAt, region, round, attempt }) => ({
      scheduledAt,
      region,
      round,
      attempt,
    }));
  });
}

function present({ receivedAt, ...result }: StoredResult) {
  return {
    ...result,
    scheduledAt: isoTime(result.scheduledAt),
    startedAt: isoTime(result.startedAt),
    receivedAt: isoTime(receivedAt),
  };
}
