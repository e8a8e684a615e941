import type { Upgrade } from "../upgrades/plan.ts";
import type { AuditDraft } from "./audit.ts";
import { recordAudit } from "./audit.ts";
import type { Postgres, PostgresClient } from "./postgres.ts";
import { inTransaction } from "./postgres.ts";

export interface AgentUpgradeStore {
  /** False when one is running in its region. */
  create(upgrade: Upgrade): Promise<boolean>;
  get(id: string): Promise<Upgrade | null>;
  /** Newest first. */
  list(limit: number): Promise<Upgrade[]>;
  running(): Promise<Upgrade[]>;
  /**
   * Puts what `change` makes of it in its place, unless that is the very same, with what the audit log is to say;
   * one after the other, whoever changes it.
   * @returns how it is then; null when there is none.
   */
  change(
    id: string,
    change: (upgrade: Upgrade) => Upgrade,
    entriesOf: (before: Upgrade, after: Upgrade) => readonly AuditDraft[],
  ): Promise<Upgrade | null>;
}

interface Row extends Pick<Upgrade, "id" | "region" | "version" | "canary" | "state" | "detail" | "steps"> {
  readonly created_by: string;
  readonly created_at: Date;
  readonly ended_at: Date | null;
}

const COLUMNS = "id, region, version, canary, state, detail, steps, created_by, created_at, ended_at";

export function createAgentUpgradeStore(postgres: Postgres): AgentUpgradeStore {
  async function select(
    client: Pick<PostgresClient, "query"> | Postgres,
    rest: string,
    values: unknown[] = [],
  ): Promise<Upgrade[]> {
    const { rows } = await client.query<Row>(`SELECT ${COLUMNS} FROM agent_upgrades ${rest}`, values);
    return rows.map(({ created_by, created_at, ended_at, ...row }) => ({
      ...row,
      createdBy: created_by,
      createdAt: created_at.getTime(),
      endedAt: ended_at?.getTime() ?? null,
    }));
  }

  return {
    async create({ id, region, version, canary, state, steps, createdBy, createdAt }) {
      const { rowCount } = await postgres.query(
        `INSERT INTO agent_upgrades (id, region, version, canary, state, steps, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (region) WHERE state = 'running' DO NOTHING`,
        [id, region, version, canary, state, JSON.stringify(steps), createdBy, new Date(createdAt)],
      );
      return rowCount === 1;
    },
    get: async (id) => (await select(postgres, "WHERE id = $1", [id]))[0] ?? null,
    list: (limit) => select(postgres, "ORDER BY created_at DESC, id LIMIT $1", [limit]),
    running: () => select(postgres, "WHERE state = 'running' ORDER BY created_at"),
    change: (id, change, entriesOf) =>
      inTransaction(postgres, async (client) => {
        const [before] = await select(client, "WHERE id = $1 FOR UPDATE", [id]);
        if (!before) return null;
        const after = change(before);
        if (after === before) return after;
        await client.query(
          "UPDATE agent_upgrades SET state = $2, detail = $3, steps = $4, ended_at = $5 WHERE id = $1",
          [
            id,
            after.state,
            after.detail,
            JSON.stringify(after.steps),
            after.endedAt === null ? null : new Date(after.endedAt),
          ],
        );
        for (const entry of entriesOf(before, after)) await recordAudit(client, entry);
        return after;
      }),
  };
}
