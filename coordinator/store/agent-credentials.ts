import type { Postgres } from "./postgres.ts";

/** Hashes of an agent's secret and of what follows from it, as `shared/agent-secret.ts` makes them. */
export interface SecretHashes {
  readonly secretHash: string;
  readonly redisPasswordHash: string;
}

/** What is kept of an enrolled agent's credential. Times are in ms since the epoch. */
export interface StoredCredential extends SecretHashes {
  readonly agentId: string;
  readonly region: string;
  readonly name: string | null;
  readonly generation: number;
  /** When a new secret was asked for; null when none is under way. */
  readonly rotationAskedAt: number | null;
  /** The secret that is to follow, which is good already; null while none was given out. */
  readonly next: (SecretHashes & { readonly generation: number; readonly issuedAt: number }) | null;
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
  readonly revokedAt: number | null;
}

export interface AgentCredentialStore {
  /** All there ever were, oldest first. */
  list(): Promise<StoredCredential[]>;
  get(agentId: string): Promise<StoredCredential | null>;
  /** Those of these agents whose credential is not good any more. */
  revokedAmong(agentIds: readonly string[]): Promise<string[]>;
  /** Notes that it was used, once a minute at most. */
  used(agentId: string): Promise<void>;
  /** Ends the credential. False when there was none that was good. */
  revoke(agentId: string): Promise<boolean>;
  /** Asks for a new secret. False when there is no such agent. */
  askRotation(agentId: string): Promise<boolean>;
  /**
   * Takes a secret as the one that is to follow, if one was asked for and none was given out within this time, in ms.
   * @returns its generation; null when it was not taken.
   */
  issue(agentId: string, hashes: SecretHashes, unlessWithinMs: number): Promise<number | null>;
  /** The secret of this generation was used: it is the only one from now on. False when that was so already. */
  adopt(agentId: string, generation: number): Promise<boolean>;
}

interface Row {
  readonly agent_id: string;
  readonly region: string;
  readonly name: string | null;
  readonly secret_hash: string;
  readonly redis_password_hash: string;
  readonly generation: number;
  readonly rotation_asked_at: Date | null;
  readonly next_secret_hash: string | null;
  readonly next_redis_password_hash: string | null;
  readonly next_generation: number | null;
  readonly next_issued_at: Date | null;
  readonly created_at: Date;
  readonly last_used_at: Date | null;
  readonly revoked_at: Date | null;
}

export function createAgentCredentialStore(postgres: Postgres): AgentCredentialStore {
  return {
    async list() {
      const { rows } = await postgres.query<Row>("SELECT * FROM agent_credentials ORDER BY created_at, agent_id");
      return rows.map(toCredential);
    },
    async get(agentId) {
      const { rows } = await postgres.query<Row>("SELECT * FROM agent_credentials WHERE agent_id = $1", [agentId]);
      return rows[0] ? toCredential(rows[0]) : null;
    },
    async revokedAmong(agentIds) {
      const { rows } = await postgres.query<{ id: string }>(
        `SELECT id FROM unnest($1::text[]) AS id
         WHERE NOT EXISTS (SELECT FROM agent_credentials WHERE agent_id = id AND revoked_at IS NULL)`,
        [agentIds],
      );
      return rows.map(({ id }) => id);
    },
    async used(agentId) {
      await postgres.query(
        `UPDATE agent_credentials SET last_used_at = now()
         WHERE agent_id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`,
        [agentId],
      );
    },
    async revoke(agentId) {
      const { rowCount } = await postgres.query(
        `UPDATE agent_credentials SET revoked_at = now(), rotation_asked_at = NULL, next_secret_hash = NULL,
           next_redis_password_hash = NULL, next_generation = NULL, next_issued_at = NULL
         WHERE agent_id = $1 AND revoked_at IS NULL`,
        [agentId],
      );
      return rowCount === 1;
    },
    async askRotation(agentId) {
      const { rowCount } = await postgres.query(
        "UPDATE agent_credentials SET rotation_asked_at = clock_timestamp() WHERE agent_id = $1 AND revoked_at IS NULL",
        [agentId],
      );
      return rowCount === 1;
    },
    async issue(agentId, { secretHash, redisPasswordHash }, unlessWithinMs) {
      const { rows } = await postgres.query<{ generation: number }>(
        `UPDATE agent_credentials SET next_secret_hash = $2, next_redis_password_hash = $3,
           next_generation = coalesce(next_generation, generation) + 1, next_issued_at = now()
         WHERE agent_id = $1 AND revoked_at IS NULL AND rotation_asked_at IS NOT NULL
           AND (next_issued_at IS NULL OR next_issued_at < now() - $4 * interval '1 ms')
         RETURNING next_generation AS generation`,
        [agentId, secretHash, redisPasswordHash, unlessWithinMs],
      );
      return rows[0]?.generation ?? null;
    },
    async adopt(agentId, generation) {
      const { rowCount } = await postgres.query(
        `UPDATE agent_credentials SET secret_hash = next_secret_hash, redis_password_hash = next_redis_password_hash,
           generation = next_generation, rotation_asked_at = NULL, next_secret_hash = NULL,
           next_redis_password_hash = NULL, next_generation = NULL, next_issued_at = NULL, last_used_at = now()
         WHERE agent_id = $1 AND next_generation = $2 AND revoked_at IS NULL`,
        [agentId, generation],
      );
      return rowCount === 1;
    },
  };
}

function toCredential(row: Row): StoredCredential {
  const { next_secret_hash, next_redis_password_hash, next_generation, next_issued_at } = row;
  const isComplete =
    next_secret_hash !== null &&
    next_redis_password_hash !== null &&
    next_generation !== null &&
    next_issued_at !== null;
  return {
    agentId: row.agent_id,
    region: row.region,
    name: row.name,
    secretHash: row.secret_hash,
    redisPasswordHash: row.redis_password_hash,
    generation: row.generation,
    rotationAskedAt: row.rotation_asked_at?.getTime() ?? null,
    next: isComplete
      ? {
          secretHash: next_secret_hash,
          redisPasswordHash: next_redis_password_hash,
          generation: next_generation,
          issuedAt: next_issued_at.getTime(),
        }
      : null,
    createdAt: row.created_at.getTime(),
    lastUsedAt: row.last_used_at?.getTime() ?? null,
    revokedAt: row.revoked_at?.getTime() ?? null,
  };
}
