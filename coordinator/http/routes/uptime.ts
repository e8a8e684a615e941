import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Clock } from "../../../shared/clock.ts";
import { isoTime } from "../../../shared/clock.ts";
import type { UptimeDeps } from "../../stats/monitor-uptime.ts";
import { monitorUptime } from "../../stats/monitor-uptime.ts";
import type { UptimeRow } from "../api-types.ts";
import { notFound } from "../problem.ts";
import { validate } from "../validate.ts";

const noQuery = z.strictObject({});

/** `/v1/monitors/:id/uptime`: by verdict, over 24 hours, 7, 30 and 90 days, and day by day. */
export function uptimeRoutes(app: FastifyInstance, deps: UptimeDeps & { readonly clock: Clock }): void {
  app.get<{ Params: { id: string } }>("/v1/monitors/:id/uptime", async ({ params, query }): Promise<UptimeRow> => {
    validate(noQuery, query);
    const monitor = await deps.monitors.get(params.id);
    if (!monitor) throw notFound("monitor", params.id);
    const { windows, days } = await monitorUptime(deps, monitor, deps.clock.now());
    return {
      monitorId: monitor.id,
      slo: monitor.slo,
      windows: windows.map(({ from, to, ...figures }) => ({ from: isoTime(from), to: isoTime(to), ...figures })),
      days: days.map(({ from, to, ...figures }) => ({
        date: isoTime(from).slice(0, "2026-01-31".length),
        from: isoTime(from),
        to: isoTime(to),
        ...figures,
      })),
    };
  });
}
