import type { ChannelType } from "../notify/channels/channel.ts";
import type { AlertRule, AlertRuleSpec } from "../notify/rule.ts";
import type { SecretBox } from "../secrets/box.ts";
import { openSettings, sealSettings } from "../secrets/channel-secrets.ts";
import type { Postgres, PostgresClient } from "./postgres.ts";
import { inTransaction } from "./postgres.ts";

/** A channel as it is stored, its secrets sealed. */
export interface StoredChannel {
  readonly id: string;
  readonly name: string;
  readonly type: ChannelType;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly enabled: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export type ChannelDraft = Pick<StoredChannel, "name" | "type" | "settings" | "enabled">;

/** The ways to tell people, in PostgreSQL. */
export interface ChannelStore {
  list(): Promise<StoredChannel[]>;
  get(id: string): Promise<StoredChannel | null>;
  /** The settings of a channel with its secrets in plain. @throws Unopenable */
  open(channel: StoredChannel): Readonly<Record<string, unknown>>;
  /** Makes one, or replaces the one of this id; of a draft, whose secrets are in plain. Null when the name is another's, or the channel was removed meanwhile. */
  put(id: string, draft: ChannelDraft): Promise<StoredChannel | null>;
  /**
   * Forgets its settings and calls off what it has not been told; what it was told stays, under its name.
   * @returns false when there was none.
   */
  remove(id: string): Promise<boolean>;
}

interface ChannelRow {
  readonly id: string;
  readonly name: string;
  readonly type: ChannelType;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly enabled: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly removed_at: Date | null;
}

const UNIQUE_VIOLATION = "23505";

export function createChannelStore(
  postgres: Postgres,
  { box, secretsOf }: { readonly box: SecretBox; readonly secretsOf: (type: ChannelType) => readonly string[] },
): ChannelStore {
  return {
    open: ({ id, settings }) => openSettings(box, id, settings),
    async list() {
      const { rows } = await postgres.query<ChannelRow>(
        "SELECT * FROM channels WHERE removed_at IS NULL ORDER BY created_at, id",
      );
      return rows.map(toChannel);
    },
    async get(id) {
      const { rows } = await postgres.query<ChannelRow>("SELECT * FROM channels WHERE id = $1 AND removed_at IS NULL", [
        id,
      ]);
      return rows[0] ? toChannel(rows[0]) : null;
    },
    async put(id, { name, type, settings, enabled }) {
      try {
        const { rows } = await postgres.query<ChannelRow>(
          `INSERT INTO channels (id, name, type, settings, enabled) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (id) DO UPDATE SET name = excluded.name, type = excluded.type, settings = excluded.settings,
             enabled = excluded.enabled, updated_at = clock_timestamp() WHERE channels.removed_at IS NULL RETURNING *`,
          [id, name, type, JSON.stringify(sealSettings(box, id, settings, secretsOf(type))), enabled],
        );
        return rows[0] ? toChannel(rows[0]) : null;
      } catch (thrown) {
        if ((thrown as { code?: string }).code === UNIQUE_VIOLATION) return null;
        throw thrown;
      }
    },
    remove: (id) =>
      inTransaction(postgres, async (client) => {
        const { rowCount } = await client.query(
          `UPDATE channels SET removed_at = now(), enabled = false, settings = '{}'
           WHERE id = $1 AND removed_at IS NULL`,
          [id],
        );
        await client.query(
          `UPDATE deliveries SET state = 'cancelled', ended_at = now()
           WHERE channel_id = $1 AND state IN ('planned', 'queued')`,
          [id],
        );
        return rowCount === 1;
      }),
  };
}

function toChannel({ created_at, updated_at, removed_at: _, ...row }: ChannelRow): StoredChannel {
  return { ...row, createdAt: created_at.getTime(), updatedAt: updated_at.getTime() };
}

/** Who is told of what, in PostgreSQL. */
export interface AlertRuleStore {
  list(): Promise<AlertRule[]>;
  get(id: string): Promise<AlertRule | null>;
  put(id: string, spec: AlertRuleSpec): Promise<AlertRule>;
  /** False when there was none. */
  remove(id: string): Promise<boolean>;
}

interface RuleRow {
  readonly id: string;
  readonly spec: AlertRuleSpec;
}

const toRule = ({ id, spec }: RuleRow): AlertRule => ({ ...spec, id });

/** All rules, the oldest first; within a transaction when asked with its client. */
export async function readAlertRules(client: Pick<PostgresClient, "query">): Promise<AlertRule[]> {
  const { rows } = await client.query<RuleRow>("SELECT id, spec FROM alert_rules ORDER BY created_at, id");
  return rows.map(toRule);
}

export function createAlertRuleStore(postgres: Postgres): AlertRuleStore {
  return {
    list: () => readAlertRules(postgres),
    async get(id) {
      const { rows } = await postgres.query<RuleRow>("SELECT id, spec FROM alert_rules WHERE id = $1", [id]);
      return rows[0] ? toRule(rows[0]) : null;
    },
    async put(id, spec) {
      await postgres.query(
        `INSERT INTO alert_rules (id, spec) VALUES ($1, $2)
         ON CONFLICT (id) DO UPDATE SET spec = excluded.spec, updated_at = clock_timestamp()`,
        [id, JSON.stringify(spec)],
      );
      return { ...spec, id };
    },
    async remove(id) {
      const { rowCount } = await postgres.query("DELETE FROM alert_rules WHERE id = $1", [id]);
      return rowCount === 1;
    },
  };
}
