import type { FastifyInstance } from "fastify";
import type { ReadinessProbes } from "../../readiness.ts";
import { checkReadiness } from "../../readiness.ts";

/** `/healthz` (the process runs) and `/readyz` (it can do its work; if not, what is missing), without a token. */
export function healthRoutes(app: FastifyInstance, probes: ReadinessProbes): void {
  const open = { config: { open: true } };
  app.get("/healthz", open, async () => ({ status: "ok" }));
  app.get("/readyz", open, async (_, reply) => {
    const { ready, checks } = await checkReadiness(probes);
    return reply.code(ready ? 200 : 503).send({ status: ready ? "ready" : "not ready", checks });
  });
}
