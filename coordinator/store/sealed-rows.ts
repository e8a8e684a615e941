import type { MonitorSpec } from "../../shared/monitor.ts";
import { sealedWith } from "../../shared/sealing.ts";
import type { ChannelType } from "../notify/channels/channel.ts";
import type { Postgres } from "./postgres.ts";
import { inTransaction } from "./postgres.ts";

/** How many secrets are sealed with one key. */
export interface KeyUse {
  readonly key: string;
  readonly secrets: number;
}

type Settings = Readonly<Record<string, unknown>>;

/** Everything in PostgreSQL that holds secrets, to be gone over. Each change is a transaction of its own, so that an end at any time leaves all of it whole. */
export interface SealedRows {
  /** How many secrets each key has sealed. */
  uses(): Promise<KeyUse[]>;
  /** The monitors, also those that are gone, of which some revision holds a secret in plain, or sealed with another key than this one. */
  monitorsWithout(key: string): Promise<string[]>;
  /**
   * Goes over the revisions of a monitor in their order.
   * @param change gets a revision, and the one before it as it is by then; the same spec changes nothing
   */
  changeMonitor(
    id: string,
    change: (spec: MonitorSpec, revision: number, before: MonitorSpec | null) => MonitorSpec,
  ): Promise<void>;
  /** Goes over the settings of all channels. */
  changeChannels(change: (id: string, type: ChannelType, settings: Settings) => Settings): Promise<void>;
  /** Goes over what the deployment has once; a value is sealed for its name. */
  changeDeployment(change: (name: string, sealed: string) => string): Promise<void>;
}

/** JSON paths to what is sealed, by table. */
const sealedPaths = {
  monitors: ["$.http.headers.*.sealed", "$.http.body.sealed"],
  monitor_revisions: ["$.http.headers.*.sealed", "$.http.body.sealed"],
  channels: ["$.*.sealed"],
} as const;
const columns = { monitors: "spec", monitor_revisions: "spec", channels: "settings" } as const;

/** As shared/secret-header.ts has it. */
const plainHeaders = `$.http.headers.keyvalue() ? (@.key like_regex "auth|cookie|token|key|secret|session|signature|password" flag "i" && @.value.type() == "string" && @.value != "")`;

export function createSealedRows(postgres: Postgres): SealedRows {
  return {
    async uses() {
      const parts = Object.entries(sealedPaths).flatMap(([table, paths]) =>
        paths.map(
          (path) =>
            `SELECT jsonb_path_query(${columns[table as keyof typeof columns]}, '${path}') #>> '{}' AS sealed FROM ${table}`,
        ),
      );
      const { rows } = await postgres.query<{ key: string; secrets: number }>(
        `SELECT substring(sealed FROM '^box1[.]([0-9a-f]{8})[.]') AS key, count(*) AS secrets
         FROM (${parts.join(" UNION ALL ")}
               UNION ALL SELECT value FROM deployment WHERE NOT starts_with(name, 'key ')) AS all_of_them
         GROUP BY 1 HAVING substring(sealed FROM '^box1[.]([0-9a-f]{8})[.]') IS NOT NULL ORDER BY 1`,
      );
      return rows;
    },
    async monitorsWithout(key) {
      const [ofHeaders, ofBody] = sealedPaths.monitor_revisions;
      const isOther = "? (!(@ starts with $current))";
      const { rows } = await postgres.query<{ monitor_id: string }>(
        `SELECT DISTINCT monitor_id FROM monitor_revisions
         WHERE jsonb_path_exists(spec, '${ofHeaders} ${isOther}', $1) OR jsonb_path_exists(spec, '${ofBody} ${isOther}', $1)
            OR jsonb_path_exists(spec, $2::jsonpath)
         ORDER BY monitor_id`,
        [JSON.stringify({ current: `box1.${key}.` }), plainHeaders],
      );
      return rows.map(({ monitor_id }) => monitor_id);
    },
    changeMonitor: (id, change) =>
      inTransaction(postgres, async (client) => {
        // Whoever changes the monitor meanwhile waits, and then finds it as it is left.
        await client.query("SELECT FROM monitors WHERE id = $1 FOR UPDATE", [id]);
        const { rows } = await client.query<{ revision: number; spec: MonitorSpec | null }>(
          "SELECT revision, spec FROM monitor_revisions WHERE monitor_id = $1 ORDER BY revision",
          [id],
        );
        let before: MonitorSpec | null = null;
        for (const { revision, spec } of rows) {
          const changed: MonitorSpec | null = spec && change(spec, revision, before);
          before = changed;
          if (changed === spec) continue;
          await client.query("UPDATE monitor_revisions SET spec = $3 WHERE monitor_id = $1 AND revision = $2", [
            id,
            revision,
            JSON.stringify(changed),
          ]);
        }
        // The current one is its latest revision.
        await client.query(
          `UPDATE monitors SET spec = r.spec FROM monitor_revisions r
           WHERE monitors.id = $1 AND r.monitor_id = $1 AND r.revision = monitors.revision AND r.spec <> monitors.spec`,
          [id],
        );
      }),
    changeChannels: (change) =>
      inTransaction(postgres, async (client) => {
        const { rows } = await client.query<{ id: string; type: ChannelType; settings: Settings }>(
          "SELECT id, type, settings FROM channels ORDER BY id FOR UPDATE",
        );
        for (const { id, type, settings } of rows) {
          const changed = JSON.stringify(change(id, type, settings));
          if (changed === JSON.stringify(settings)) continue;
          await client.query("UPDATE channels SET settings = $2 WHERE id = $1", [id, changed]);
        }
      }),
    changeDeployment: (change) =>
      inTransaction(postgres, async (client) => {
        const { rows } = await client.query<{ name: string; value: string }>(
          "SELECT name, value FROM deployment WHERE NOT starts_with(name, 'key ') ORDER BY name FOR UPDATE",
        );
        for (const { name, value } of rows) {
          if (sealedWith(value) === null) continue;
          const changed = change(name, value);
          if (changed !== value)
            await client.query("UPDATE deployment SET value = $2 WHERE name = $1", [name, changed]);
        }
      }),
  };
}
