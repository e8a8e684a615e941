import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Clock } from "../../../shared/clock.ts";
import { isoTime } from "../../../shared/clock.ts";
import { isRegion, regionRule } from "../../../shared/region.ts";
import type { StatsDeps } from "../../stats/stats.ts";
import { statsOf } from "../../stats/stats.ts";
import { notFound, Problem } from "../problem.ts";
import { instant, validate } from "../validate.ts";

const DAY_MS = 86_400_000;

const statsQuery = z.strictObject({
  region: z.string().refine(isRegion, { message: regionRule }).optional(),
  from: instant.optional(),
  to: instant.optional(),
});

/** `/v1/monitors/:id/stats`: coverage, uptime and latency over a window; the last 24 hours unless told otherwise. */
export function statsRoutes(app: FastifyInstance, deps: StatsDeps & { readonly clock: Clock }): void {
  app.get<{ Params: { id: string } }>("/v1/monitors/:id/stats", async ({ params, query }) => {
    const { region, from, to } = validate(statsQuery, query);
    const now = deps.clock.now();
    const window = { from: from ?? (to ?? now) - DAY_MS, to: to ?? now, region: region ?? null, now };
    if (window.from >= window.to) {
      const rule = "must be after from";
      throw new Problem(422, `to: ${rule}`, [{ field: "to", rule }]);
    }
    const monitor = await deps.monitors.get(params.id);
    if (!monitor) throw notFound("monitor", params.id);
    const stats = await statsOf(deps, monitor, window);
    return { ...stats, from: isoTime(stats.from), to: isoTime(stats.to) };
  });
}
