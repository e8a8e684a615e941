import type { AgentTrouble, TroubleResolution } from "../agents/trouble.ts";
import { keyOf } from "../agents/trouble.ts";
import type { Postgres, PostgresClient } from "./postgres.ts";
import { inTransaction } from "./postgres.ts";

/** What is wrong with agents, and was, as all coordinators share it. */
export interface AgentTroubleStore {
  open(): Promise<AgentTrouble[]>;
  get(id: string): Promise<AgentTrouble | null>;
  /** The latest, those that are open, over or both, newest first. */
  latest(limit: number, state: "open" | "resolved" | null): Promise<AgentTrouble[]>;
  /** Keeps that it has begun, and has people told, in one transaction. @returns false when that is known already. */
  begin(trouble: AgentTrouble): Promise<boolean>;
  /**
   * Keeps that somebody takes care of it; once it is kept, later calls change nothing.
   * @returns false when it is over, null when there is none.
   */
  acknowledge(id: string, by: string | null, note: string | null): Promise<boolean | null>;
  /** Notes that these last. */
  note(ids: readonly string[], at: number): Promise<void>;
  /**
   * Ends one that nobody has noted to last since an instant, and has people told.
   * @returns whether it was ended by this
   */
  end(id: string, resolution: TroubleResolution, wellSince: number, at: number): Promise<boolean>;
}

/** Those that are over are kept so long, in days. */
const KEPT_DAYS = 90;

export function createAgentTroubleStore(postgres: Postgres): AgentTroubleStore {
  async function select(rest: string, values: readonly unknown[] = []): Promise<AgentTrouble[]> {
    const { rows } = await postgres.query<Row>(`SELECT * FROM agent_troubles ${rest}`, [...values]);
    return rows.map(toTrouble);
  }

  return {
    open: () => select("WHERE resolved_at IS NULL ORDER BY opened_at, id"),
    get: async (id) => (await select("WHERE id = $1", [id]))[0] ?? null,
    latest: (limit, state) =>
      select("WHERE $2::boolean IS NULL OR (resolved_at IS NULL) = $2 ORDER BY opened_at DESC, id DESC LIMIT $1", [
        limit,
        state && state === "open",
      ]),
    begin: (trouble) =>
      inTransaction(postgres, async (client) => {
        const { id, kind, region, agentId, agentName, severity, detail, since, openedAt } = trouble;
        const { rowCount } = await client.query(
          `INSERT INTO agent_troubles (id, kind, subject, region, agent_id, agent_name, severity, detail, since, opened_at, bad_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) ON CONFLICT DO NOTHING`,
          [id, kind, keyOf(trouble), region, agentId, agentName, severity, detail, new Date(since), new Date(openedAt)],
        );
        if (rowCount === 0) return false;
        await client.query("DELETE FROM agent_troubles WHERE resolved_at < now() - make_interval(days => $1)", [
          KEPT_DAYS,
        ]);
        await tell(client, "agent_trouble", trouble, openedAt);
        return true;
      }),
    async acknowledge(id, by, note) {
      const { rowCount } = await postgres.query(
        `UPDATE agent_troubles SET acknowledged_at = clock_timestamp(), acknowledged_by = $2, note = $3
         WHERE id = $1 AND resolved_at IS NULL AND acknowledged_at IS NULL`,
        [id, by, note],
      );
      if (rowCount === 1) return true;
      const [trouble] = await select("WHERE id = $1", [id]);
      return trouble ? trouble.resolvedAt === null : null;
    },
    async note(ids, at) {
      await postgres.query(
        "UPDATE agent_troubles SET bad_at = greatest(bad_at, $2) WHERE id = ANY($1) AND resolved_at IS NULL",
        [ids, new Date(at)],
      );
    },
    end: (id, resolution, wellSince, at) =>
      inTransaction(postgres, async (client) => {
        const { rows } = await client.query<Row>(
          `UPDATE agent_troubles SET resolved_at = $4, resolution = $2
           WHERE id = $1 AND resolved_at IS NULL AND bad_at <= $3 RETURNING *`,
          [id, resolution, new Date(wellSince), new Date(at)],
        );
        if (!rows[0]) return false;
        await tell(client, "agent_recovered", toTrouble(rows[0]), at);
        return true;
      }),
  };
}

async function tell(
  client: PostgresClient,
  event: "agent_trouble" | "agent_recovered",
  trouble: AgentTrouble,
  at: number,
): Promise<void> {
  await client.query(
    `INSERT INTO notices (id, at, event, region, trouble_id, content) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
    [`${trouble.id}-${event}`, new Date(at), event, trouble.region, trouble.id, JSON.stringify({ trouble })],
  );
}

interface Row {
  readonly id: string;
  readonly kind: AgentTrouble["kind"];
  readonly region: string;
  readonly agent_id: string | null;
  readonly agent_name: string | null;
  readonly severity: AgentTrouble["severity"];
  readonly detail: string;
  readonly since: Date;
  readonly opened_at: Date;
  readonly resolved_at: Date | null;
  readonly resolution: TroubleResolution | null;
  readonly acknowledged_at: Date | null;
  readonly acknowledged_by: string | null;
  readonly note: string | null;
}

function toTrouble(row: Row): AgentTrouble {
  return {
    id: row.id,
    kind: row.kind,
    region: row.region,
    agentId: row.agent_id,
    agentName: row.agent_name,
    severity: row.severity,
    detail: row.detail,
    since: row.since.getTime(),
    openedAt: row.opened_at.getTime(),
    resolvedAt: row.resolved_at?.getTime() ?? null,
    resolution: row.resolution,
    acknowledgedAt: row.acknowledged_at?.getTime() ?? null,
    acknowledgedBy: row.acknowledged_by,
    note: row.note,
  };
}
