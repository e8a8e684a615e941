import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Clock } from "../../../shared/clock.ts";
import { isoTime } from "../../../shared/clock.ts";
import { lastDays } from "../../stats/last-day.ts";
import type { UptimeDeps } from "../../stats/monitor-uptime.ts";
import { monitorUptime } from "../../stats/monitor-uptime.ts";
import type { UptimeDayRow, UptimeRow } from "../api-types.ts";
import { notFound } from "../problem.ts";
import { page, pageQuery, readCursor, validate } from "../validate.ts";

const noQuery = z.strictObject({});
const listQuery = z.strictObject(pageQuery);
const monitorPosition = z.object({ createdAt: z.number(), id: z.string() });

/** `/v1/uptime`: the last 24 hours of all monitors; `/v1/monitors/:id/uptime`: one's by verdict, over 24 hours, 7, 30 and 90 days, and day by day. */
export function uptimeRoutes(app: FastifyInstance, deps: UptimeDeps & { readonly clock: Clock }): void {
  app.get("/v1/uptime", async ({ query }) => {
    const { limit, cursor } = validate(listQuery, query);
    const found = await deps.monitors.list(limit + 1, readCursor(monitorPosition, cursor));
    const shown = await lastDays(deps, found, deps.clock.now());
    return page(
      found.map((monitor, n) => ({ monitor, row: shown[n] as UptimeDayRow })),
      limit,
      ({ row }) => row,
      ({ monitor: { createdAt, id } }) => ({ createdAt, id }),
    );
  });

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
