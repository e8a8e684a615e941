import { hashMatches } from "../../shared/agent-secret.ts";
import type { Postgres } from "./postgres.ts";

/** What a token may do; each may what those before it may. */
export const scopes = ["read", "write", "admin"] as const;
export type Scope = (typeof scopes)[number];

/** A token of the API, of which only the hash is kept. Times are in ms since the epoch. */
export interface ApiToken {
  readonly id: string;
  readonly name: string;
  readonly scope: Scope;
  readonly createdAt: number;
  readonly createdBy: string;
  /** Null for ever. */
  readonly expiresAt: number | null;
  readonly lastUsedAt: number | null;
}

export interface ApiTokenStore {
  create(token: {
    readonly id: string;
    readonly name: string;
    readonly scope: Scope;
    readonly tokenHash: string;
    readonly createdBy: string;
    /** How long it is good for, in ms; null for ever. */
    readonly lifeMs: number | null;
  }): Promise<ApiToken>;
  list(): Promise<ApiToken[]>;
  /** False when there was none. */
  remove(id: string): Promise<boolean>;
  /** The token of this hash, when it is good; that it was used is noted once a minute. */
  use(tokenHash: string): Promise<ApiToken | null>;
  /** The ids of those of these that are good. */
  goodAmong(ids: readonly string[]): Promise<Set<string>>;
}

interface Row {
  readonly id: string;
  readonly name: string;
  readonly scope: Scope;
  readonly token_hash: string;
  readonly created_at: Date;
  readonly created_by: string;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
}

const IS_GOOD = "(expires_at IS NULL OR expires_at > now())";

export function createApiTokenStore(postgres: Postgres): ApiTokenStore {
  return {
    async create({ id, name, scope, tokenHash, createdBy, lifeMs }) {
      const { rows } = await postgres.query<Row>(
        `INSERT INTO api_tokens (id, name, scope, token_hash, created_by, expires_at)
         VALUES ($1, $2, $3, $4, $5, now() + $6 * interval '1 ms') RETURNING *`,
        [id, name, scope, tokenHash, createdBy, lifeMs],
      );
      return toToken(rows[0] as Row);
    },
    async list() {
      const { rows } = await postgres.query<Row>("SELECT * FROM api_tokens ORDER BY created_at, id");
      return rows.map(toToken);
    },
    async remove(id) {
      const { rowCount } = await postgres.query("DELETE FROM api_tokens WHERE id = $1", [id]);
      return rowCount === 1;
    },
    async use(tokenHash) {
      const { rows } = await postgres.query<Row & { is_noted: boolean }>(
        `SELECT *, coalesce(last_used_at > now() - interval '1 minute', false) AS is_noted FROM api_tokens
         WHERE token_hash = $1 AND ${IS_GOOD}`,
        [tokenHash],
      );
      const row = rows[0];
      if (!row || !hashMatches(tokenHash, row.token_hash)) return null;
      if (!row.is_noted) await postgres.query("UPDATE api_tokens SET last_used_at = now() WHERE id = $1", [row.id]);
      return toToken(row);
    },
    async goodAmong(ids) {
      const { rows } = await postgres.query<{ id: string }>(
        `SELECT id FROM api_tokens WHERE id = ANY($1) AND ${IS_GOOD}`,
        [ids],
      );
      return new Set(rows.map(({ id }) => id));
    },
  };
}

function toToken(row: Row): ApiToken {
  return {
    id: row.id,
    name: row.name,
    scope: row.scope,
    createdAt: row.created_at.getTime(),
    createdBy: row.created_by,
    expiresAt: row.expires_at?.getTime() ?? null,
    lastUsedAt: row.last_used_at?.getTime() ?? null,
  };
}
