import type { FastifyInstance } from "fastify";
import type { Rotation } from "../../secrets/rotation.ts";
import type { KeyRow } from "../api-types.ts";

/** How long one request goes on sealing, in ms: less than anyone waits for an answer. */
const WORK_MS = 3_000;

/** `/v1/keys`: what secrets are sealed with, by the keys' ids, and their change. */
export function keyRoutes(app: FastifyInstance, { rotation }: { readonly rotation: Rotation }): void {
  const config = { scope: "admin" } as const;

  app.get("/v1/keys", { config }, async () => {
    const keys = await rotation.keys();
    return { data: keys.map(({ key: id, ...rest }): KeyRow => ({ id, ...rest })), nextCursor: null };
  });

  app.post("/v1/keys/rotate", { config }, async (request) => {
    const done = await rotation.rotate(WORK_MS);
    request.auditDetail = done;
    return done;
  });
}
