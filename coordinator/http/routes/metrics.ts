import type { FastifyInstance } from "fastify";
import type { Metrics } from "../../metrics.ts";

/** `/metrics`, in Prometheus's text format, with the admin token. */
export function metricsRoutes(app: FastifyInstance, metrics: Pick<Metrics, "contentType" | "text">): void {
  app.get("/metrics", async (_, reply) => reply.header("content-type", metrics.contentType).send(await metrics.text()));
}
