import type { Postgres, PostgresClient } from "./postgres.ts";

/** Something that somebody did, or tried to. */
export interface AuditDraft {
  /** `admin` for the admin token, else the id of an API token or an agent; null for who could not be told. */
  readonly actor: string | null;
  /** What was done, such as `agents.revoke`. */
  readonly action: string;
  /** The id of what it was done to. */
  readonly subject: string | null;
  /** More about it; never a secret. */
  readonly detail?: Readonly<Record<string, unknown>>;
  /** Where it came from, as an IP address. */
  readonly address: string | null;
}

export interface AuditEntry extends Required<AuditDraft> {
  readonly id: number;
  /** In ms since the epoch. */
  readonly at: number;
}

export interface AuditFilter {
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly subject?: string | undefined;
}

export interface AuditStore {
  record(entry: AuditDraft): Promise<void>;
  /** Newest first, those before this id. */
  list(limit: number, filter: AuditFilter, before: number | null): Promise<AuditEntry[]>;
  /** Forgets what is older than this many ms. */
  forget(ms: number): Promise<void>;
}

export function createAuditStore(postgres: Postgres): AuditStore {
  return {
    record: (entry) => recordAudit(postgres, entry),
    async list(limit, { actor, action, subject }, before) {
      const { rows } = await postgres.query<Omit<AuditEntry, "at"> & { at: Date }>(
        `SELECT id, at, actor, action, subject, detail, address FROM audit_log
         WHERE ($2::text IS NULL OR actor = $2) AND ($3::text IS NULL OR action = $3)
           AND ($4::text IS NULL OR subject = $4) AND ($5::bigint IS NULL OR id < $5)
         ORDER BY id DESC LIMIT $1`,
        [limit, actor ?? null, action ?? null, subject ?? null, before],
      );
      return rows.map(({ at, ...row }) => ({ ...row, at: at.getTime() }));
    },
    async forget(ms) {
      await postgres.query("DELETE FROM audit_log WHERE at < now() - $1 * interval '1 ms'", [ms]);
    },
  };
}

/** Writes an entry, within the transaction of what it tells of if there is one. */
export async function recordAudit(
  postgres: Pick<PostgresClient, "query"> | Postgres,
  { actor, action, subject, detail = {}, address }: AuditDraft,
): Promise<void> {
  await postgres.query("INSERT INTO audit_log (actor, action, subject, detail, address) VALUES ($1, $2, $3, $4, $5)", [
    actor,
    action,
    subject,
    JSON.stringify(detail),
    address,
  ]);
}
