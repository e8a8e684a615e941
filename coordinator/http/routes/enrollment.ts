import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { hashSecret, redisPassword } from "../../../shared/agent-secret.ts";
import type { Clock } from "../../../shared/clock.ts";
import { isoTime } from "../../../shared/clock.ts";
import type { AgentCredential, CredentialQueue } from "../../../shared/credential.ts";
import { formatDuration, parseDuration } from "../../../shared/duration.ts";
import { newId, newSecret } from "../../../shared/id.ts";
import { ENROLL_PATH, MAX_CLOCK_ERROR_MS } from "../../../shared/link.ts";
import { isRegion, regionRule } from "../../../shared/region.ts";
import { enrollmentLine } from "../../agents/enrollment-line.ts";
import type { Releases } from "../../releases/releases.ts";
import { LATEST } from "../../releases/releases.ts";
import type { SigningKey } from "../../releases/signing-key.ts";
import type { EnrollmentRefusal, EnrollmentStore, EnrollmentToken } from "../../store/enrollment.ts";
import { notFound, Problem } from "../problem.ts";
import { createRateLimit } from "../rate-limit.ts";
import { plainText, validate } from "../validate.ts";

const MIN_LIFE_MS = 60_000;
const MAX_LIFE_MS = 7 * 86_400_000;
const DEFAULT_LIFE = "1h";
/** How long tokens that have ended are listed, in ms. */
const LISTED_MS = 30 * 86_400_000;
/** Who was refused so often, from one address or from all, waits for the next minute. */
const REFUSALS = { windowMs: 60_000, perSource: 20, overall: 200 };

const lifeRule = `must be a duration from ${formatDuration(MIN_LIFE_MS)} to ${formatDuration(MAX_LIFE_MS)}, such as 1h`;

const draft = z.strictObject({
  region: z.string().refine(isRegion, { message: regionRule }),
  name: plainText(100).optional(),
  expiresIn: z
    .union([z.string(), z.number()])
    .default(DEFAULT_LIFE)
    .transform((text) => parseDuration(text) ?? 0)
    .refine((ms) => ms >= MIN_LIFE_MS && ms <= MAX_LIFE_MS, { message: lifeRule }),
  uses: z.literal(1, { error: "must be 1" }).default(1),
});

/** Newer agents may say more. */
const enrollee = z.object({
  token: z.string().max(256),
  host: plainText(255),
  version: plainText(64),
  arch: plainText(32),
  clockMs: z.number().optional(),
  /** Where the agent is to be, if its operator said so; the token says it anyway. */
  region: z.string().max(64).optional(),
});

/** Why nobody can be enrolled: only Redis has users of its own for agents. */
const NO_WAY =
  "No agent can be enrolled here: this coordinator keeps its queues in PostgreSQL, and enrolled agents need Redis. Set REDIS_URL (for `watchpost start` it is enough to install redis-server), start it again, and ask once more.";

const refusals: Readonly<Record<EnrollmentRefusal, string>> = {
  unknown: "This enrolment token is not known here: check that it was copied whole, and from this coordinator.",
  used: "This enrolment token was used already, and each works once: make another with `watchpost agents enroll`.",
  expired: "This enrolment token has expired: make another with `watchpost agents enroll`.",
  revoked: "This enrolment token was revoked: make another with `watchpost agents enroll`.",
};

/** `/v1/enrollment-tokens`, and where agents come with them. */
export function enrollmentRoutes(
  app: FastifyInstance,
  deps: {
    readonly enrollment: EnrollmentStore;
    /** Where agents find this coordinator; null when only they know. */
    readonly publicUrl: string | null;
    /** How enrolled agents reach the queues; null where they cannot. */
    readonly agentQueue: CredentialQueue | null;
    readonly queuePrefix: string;
    /** Has the queue server take who was enrolled just now. */
    readonly letIn: () => Promise<void>;
    /** What releases are signed with. */
    readonly signingKey: Pick<SigningKey, "publicKey">;
    readonly releases: Pick<Releases, "get">;
    readonly clock: Clock;
  },
): void {
  const { enrollment, publicUrl, agentQueue, queuePrefix, letIn, signingKey, releases, clock } = deps;
  const limit = createRateLimit({ ...REFUSALS, now: clock.monotonic });
  const scope = "admin";

  app.post("/v1/enrollment-tokens", { config: { scope } }, async (request, reply) => {
    if (agentQueue === null) throw new Problem(409, NO_WAY);
    const { region, name = null, expiresIn } = validate(draft, request.body);
    const token = newSecret("wpe");
    const made = await enrollment.create({
      id: newId("enr"),
      tokenHash: hashSecret(token),
      region,
      name,
      createdBy: request.caller?.actor ?? "admin",
      lifeMs: expiresIn,
    });
    request.auditDetail = { region, name, expiresAt: isoTime(made.expiresAt) };
    const key = (await signingKey.publicKey()).toString("base64url");
    return reply
      .code(201)
      .header("location", `/v1/enrollment-tokens/${made.id}`)
      .send({
        ...present(made, clock.now()),
        token,
        key,
        line: publicUrl === null ? null : enrollmentLine({ coordinatorUrl: publicUrl, key }),
        release: (await releases.get(LATEST))?.version ?? null,
      });
  });

  app.get("/v1/enrollment-tokens", { config: { scope } }, async () => {
    const now = clock.now();
    return { data: (await enrollment.list(LISTED_MS)).map((token) => present(token, now)), nextCursor: null };
  });

  app.delete<{ Params: { id: string } }>(
    "/v1/enrollment-tokens/:id",
    { config: { scope } },
    async ({ params }, reply) => {
      if (!(await enrollment.revoke(params.id))) throw notFound("unused enrolment token", params.id);
      return reply.code(204).send();
    },
  );

  app.post(ENROLL_PATH, { config: { open: true } }, async (request, reply) => {
    const { ip } = request;
    if (agentQueue === null) throw new Problem(409, NO_WAY);
    if (limit.isOver(ip)) {
      reply.header("retry-after", Math.ceil(limit.restMs / 1_000));
      throw new Problem(429, "Too many enrolments were refused: try again in a minute.");
    }
    const { token, clockMs, ...told } = validate(enrollee, request.body);
    const offMs = clockMs === undefined ? 0 : clockMs - clock.now();
    if (Math.abs(offMs) > MAX_CLOCK_ERROR_MS) {
      const rule = `is ${formatDuration(Math.round(Math.abs(offMs) / 1_000) * 1_000)} ${offMs < 0 ? "behind" : "ahead of"} the coordinator's: set it right, with NTP say, and come again. The token is still good`;
      throw new Problem(422, `The clock of this machine ${rule}.`, [{ field: "clockMs", rule }]);
    }
    const secret = newSecret("wps");
    const agentId = newId("agt");
    const outcome = await enrollment.redeem(hashSecret(token), {
      ...told,
      agentId,
      secretHash: hashSecret(secret),
      redisPasswordHash: hashSecret(redisPassword(secret)),
      address: ip,
    });
    if ("otherRegion" in outcome) {
      const rule = `must be ${outcome.otherRegion}, of which this enrolment token is, and not ${told.region}; or left out. The token is still good`;
      throw new Problem(422, `The region ${rule}.`, [{ field: "region", rule }]);
    }
    if ("refusal" in outcome) {
      limit.count(ip);
      throw new Problem(401, refusals[outcome.refusal]);
    }
    await letIn();
    const credential: AgentCredential = {
      v: 1,
      agentId,
      secret,
      generation: 1,
      region: outcome.region,
      coordinatorUrl: publicUrl ?? `${request.protocol}://${request.host}`,
      queue: agentQueue,
      queuePrefix,
    };
    return reply.code(201).send({ ...credential, serverTimeMs: clock.now() });
  });
}

function present({ createdAt, expiresAt, usedAt, revokedAt, ...token }: EnrollmentToken, now: number) {
  const ended = usedAt !== null ? "used" : revokedAt !== null ? "revoked" : expiresAt <= now ? "expired" : null;
  return {
    ...token,
    uses: 1,
    state: ended ?? "open",
    createdAt: isoTime(createdAt),
    expiresAt: isoTime(expiresAt),
    usedAt: usedAt === null ? null : isoTime(usedAt),
    revokedAt: revokedAt === null ? null : isoTime(revokedAt),
  };
}
