import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { hashSecret } from "../../../shared/agent-secret.ts";
import { isoTime } from "../../../shared/clock.ts";
import { parseDuration } from "../../../shared/duration.ts";
import { newId, newSecret } from "../../../shared/id.ts";
import type { ApiToken, ApiTokenStore } from "../../store/api-tokens.ts";
import { scopes } from "../../store/api-tokens.ts";
import { notFound } from "../problem.ts";
import { plainText, validate } from "../validate.ts";

const MIN_LIFE_MS = 60_000;

const draft = z.strictObject({
  name: plainText(100),
  scope: z.enum(scopes, { error: `must be one of ${scopes.join(", ")}` }),
  /** For ever, when it is left out. */
  expiresIn: z
    .union([z.string(), z.number()])
    .transform((text) => parseDuration(text) ?? 0)
    .refine((ms) => ms >= MIN_LIFE_MS, { message: "must be a duration of at least 1m, such as 90d" })
    .optional(),
});

/** `/v1/tokens`: tokens of the API beside the admin token. The value of one is shown when it is made and never again. */
export function tokenRoutes(app: FastifyInstance, { tokens }: { readonly tokens: ApiTokenStore }): void {
  const config = { scope: "admin" } as const;

  app.post("/v1/tokens", { config }, async (request, reply) => {
    const { name, scope, expiresIn = null } = validate(draft, request.body);
    const token = newSecret("wpt");
    const made = await tokens.create({
      id: newId("tok"),
      name,
      scope,
      tokenHash: hashSecret(token),
      createdBy: request.caller?.actor ?? "admin",
      lifeMs: expiresIn,
    });
    request.auditDetail = { name, scope };
    return reply
      .code(201)
      .header("location", `/v1/tokens/${made.id}`)
      .send({ ...present(made), token });
  });

  app.get("/v1/tokens", { config }, async () => ({ data: (await tokens.list()).map(present), nextCursor: null }));

  app.delete<{ Params: { id: string } }>("/v1/tokens/:id", { config }, async ({ params }, reply) => {
    if (!(await tokens.remove(params.id))) throw notFound("token", params.id);
    return reply.code(204).send();
  });
}

function present({ createdAt, expiresAt, lastUsedAt, ...token }: ApiToken) {
  return {
    ...token,
    createdAt: isoTime(createdAt),
    expiresAt: expiresAt === null ? null : isoTime(expiresAt),
    lastUsedAt: lastUsedAt === null ? null : isoTime(lastUsedAt),
  };
}
