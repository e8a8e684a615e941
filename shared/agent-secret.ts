import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** Who an agent says it is, and the secret that is to prove it. */
export interface AgentBearer {
  readonly agentId: string;
  readonly secret: string;
}

/** The text of an enrolled agent's bearer token (RFC 6750 §2.1): its id and its secret. */
export function writeBearer({ agentId, secret }: AgentBearer): string {
  return `${agentId}.${secret}`;
}

/** The bearer of an `Authorization` header; null when it is of another form. */
export function readBearer(header: string | undefined): AgentBearer | null {
  const [, agentId, secret] = /^Bearer +(agt_[0-9a-z]{20})\.(wps_[0-9A-Za-z]{43})$/.exec(header ?? "") ?? [];
  return agentId === undefined || secret === undefined ? null : { agentId, secret };
}

/** What is kept of a secret: SHA-256 in hex. Secrets have 256 random bits, which need no salt and no stretching. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Whether a hash as `hashSecret` makes them is the expected one; takes the same time whatever it is. */
export function hashMatches(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given, "hex"), Buffer.from(expected, "hex")];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The name of an agent's own user of Redis. */
export function redisUser(prefix: string, agentId: string): string {
  return `${prefix}-agent-${agentId}`;
}

/**
 * The password of that user. It follows from the agent's secret and not the other way round, so that Redis, which is
 * sent it, never gets the secret; of the hash of this password, `ACL SETUSER … #<hash>` is made.
 */
export function redisPassword(secret: string): string {
  return createHmac("sha256", secret).update("watchpost redis").digest("base64url");
}

/** Whether an id has the form of those that enrolment gives. */
export function isAgentId(id: string): boolean {
  return /^agt_[0-9a-z]{20}$/.test(id);
}

/** Whether an id is that of an agent, or of one of its processes: `ID-1`, `ID-2` and so on. */
export function isIdOf(agentId: string, id: string): boolean {
  return id === agentId || (id.startsWith(`${agentId}-`) && /^[1-9]\d?$/.test(id.slice(agentId.length + 1)));
}
