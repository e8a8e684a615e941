import type { SecretHashes } from "./agent-credentials.ts";
import { recordAudit } from "./audit.ts";
import type { Postgres } from "./postgres.ts";
import { inTransaction } from "./postgres.ts";

/** A token that makes one agent. Times are in ms since the epoch. */
export interface EnrollmentToken {
  readonly id: string;
  readonly region: string;
  /** What the agent is to be called. */
  readonly name: string | null;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number;
  readonly usedAt: number | null;
  /** The agent that was made of it. */
  readonly usedBy: string | null;
  readonly revokedAt: number | null;
}

/** Why a token makes no agent. */
export type EnrollmentRefusal = "unknown" | "used" | "expired" | "revoked";

/** Who comes with a token. */
export interface Enrollee extends SecretHashes {
  readonly agentId: string;
  readonly host: string;
  readonly version: string;
  readonly arch: string;
  /** Where it is to be, if it was told. */
  readonly region?: string | undefined;
  readonly address: string | null;
}

export interface EnrollmentStore {
  create(token: {
    readonly id: string;
    readonly tokenHash: string;
    readonly region: string;
    readonly name: string | null;
    readonly createdBy: string;
    /** How long it is good for, in ms. */
    readonly lifeMs: number;
  }): Promise<EnrollmentToken>;
  /** Newest first; those that ended longer ago than this, in ms, are left out. */
  list(endedWithinMs: number): Promise<EnrollmentToken[]>;
  /** Ends one that was not used yet. False when there was none. */
  revoke(id: string): Promise<boolean>;
  /** Makes an agent of a token, once, however many come with it at the same time. Each use is in the audit log. */
  redeem(
    tokenHash: string,
    enrollee: Enrollee,
  ): Promise<
    | { readonly region: string }
    | { readonly refusal: EnrollmentRefusal }
    /** It is good still, and of another region than was expected. */
    | { readonly otherRegion: string }
  >;
}

interface Row {
  readonly id: string;
  readonly region: string;
  readonly name: string | null;
  readonly created_at: Date;
  readonly created_by: string;
  readonly expires_at: Date;
  readonly used_at: Date | null;
  readonly used_by: string | null;
  readonly revoked_at: Date | null;
}

const columns = "id, region, name, created_at, created_by, expires_at, used_at, used_by, revoked_at";

export function createEnrollmentStore(postgres: Postgres): EnrollmentStore {
  return {
    async create({ id, tokenHash, region, name, createdBy, lifeMs }) {
      const { rows } = await postgres.query<Row>(
        `INSERT INTO enrollment_tokens (id, token_hash, region, name, created_by, expires_at)
         VALUES ($1, $2, $3, $4, $5, now() + $6 * interval '1 ms') RETURNING ${columns}`,
        [id, tokenHash, region, name, createdBy, lifeMs],
      );
      return toToken(rows[0] as Row);
    },
    async list(endedWithinMs) {
      const { rows } = await postgres.query<Row>(
        `SELECT ${columns} FROM enrollment_tokens
         WHERE least(expires_at, used_at, revoked_at) > now() - $1 * interval '1 ms'
         ORDER BY created_at DESC, id DESC`,
        [endedWithinMs],
      );
      return rows.map(toToken);
    },
    async revoke(id) {
      const { rowCount } = await postgres.query(
        "UPDATE enrollment_tokens SET revoked_at = now() WHERE id = $1 AND used_at IS NULL AND revoked_at IS NULL",
        [id],
      );
      return rowCount === 1;
    },
    redeem: (tokenHash, { agentId, secretHash, redisPasswordHash, host, version, arch, region: expected, address }) =>
      inTransaction(postgres, async (client) => {
        // Whoever comes second waits here until the first is done.
        const { rows } = await client.query<Row & { is_expired: boolean }>(
          `SELECT ${columns}, expires_at <= now() AS is_expired FROM enrollment_tokens WHERE token_hash = $1 FOR UPDATE`,
          [tokenHash],
        );
        const token = rows[0];
        const refusal = refusalOf(token);
        const detail = { host, version, arch };
        const refused = { actor: null, action: "agents.enroll.refused", subject: token?.id ?? null, address };
        if (token === undefined || refusal !== null) {
          await recordAudit(client, { ...refused, detail: { ...detail, reason: refusal ?? "unknown" } });
          return { refusal: refusal ?? "unknown" };
        }
        const { id, region, name } = token;
        if (expected !== undefined && expected !== region) {
          await recordAudit(client, { ...refused, detail: { ...detail, reason: "region", region, expected } });
          return { otherRegion: region };
        }
        await client.query(
          `INSERT INTO agent_credentials (agent_id, region, name, secret_hash, redis_password_hash)
           VALUES ($1, $2, $3, $4, $5)`,
          [agentId, region, name, secretHash, redisPasswordHash],
        );
        await client.query("UPDATE enrollment_tokens SET used_at = now(), used_by = $2 WHERE id = $1", [id, agentId]);
        await recordAudit(client, {
          actor: agentId,
          action: "agents.enroll",
          subject: agentId,
          detail: { ...detail, region, token: id },
          address,
        });
        return { region };
      }),
  };
}

function refusalOf(token: (Row & { readonly is_expired: boolean }) | undefined): EnrollmentRefusal | null {
  if (!token) return "unknown";
  if (token.revoked_at) return "revoked";
  if (token.used_at) return "used";
  return token.is_expired ? "expired" : null;
}

function toToken(row: Row): EnrollmentToken {
  return {
    id: row.id,
    region: row.region,
    name: row.name,
    createdAt: row.created_at.getTime(),
    createdBy: row.created_by,
    expiresAt: row.expires_at.getTime(),
    usedAt: row.used_at?.getTime() ?? null,
    usedBy: row.used_by,
    revokedAt: row.revoked_at?.getTime() ?? null,
  };
}
