import type { KnownRegion } from "../schedule/history.ts";
import { endImpairment } from "./impairments.ts";
import type { Postgres } from "./postgres.ts";
import { inTransaction } from "./postgres.ts";

/** The regions that Watchpost knows: those of which an agent was seen, until they are retired. */
export interface RegionStore {
  /** Those that are not retired, in ascending order. */
  list(): Promise<string[]>;
  /** Every stretch of time in which one was known, in ascending order; a region that came back has several. */
  history(): Promise<KnownRegion[]>;
  /** Adds one, if it is not known. */
  add(region: string): Promise<void>;
  /** The names of some monitors that name a region among theirs, at most `limit`. */
  namedBy(region: string, limit: number): Promise<string[]>;
  /**
   * Retires one, forgets what it last saw of each monitor, and closes what was told of it.
   * @param by who retires it, for those who are told; null where that is not known.
   * @returns false when it is not known.
   */
  retire(region: string, by?: string | null): Promise<boolean>;
}

export function createRegionStore(postgres: Postgres): RegionStore {
  return {
    async list() {
      const { rows } = await postgres.query<{ region: string }>(
        'SELECT region FROM regions WHERE retired_at IS NULL ORDER BY region COLLATE "C"',
      );
      return rows.map(({ region }) => region);
    },
    async history() {
      const { rows } = await postgres.query<{ region: string; created_at: Date; retired_at: Date | null }>(
        'SELECT region, created_at, retired_at FROM regions ORDER BY region COLLATE "C", created_at',
      );
      return rows.map(({ region, created_at, retired_at }) => ({
        region,
        since: created_at.getTime(),
        until: retired_at?.getTime() ?? null,
      }));
    },
    async add(region) {
      await postgres.query("INSERT INTO regions (region) VALUES ($1) ON CONFLICT DO NOTHING", [region]);
    },
    async namedBy(region, limit) {
      const { rows } = await postgres.query<{ name: string }>(
        `SELECT name FROM monitors WHERE jsonb_typeof(spec->'regions') = 'array' AND spec->'regions' ? $1
         ORDER BY created_at, id LIMIT $2`,
        [region, limit],
      );
      return rows.map(({ name }) => name);
    },
    retire: (region, by = null) =>
      inTransaction(postgres, async (client) => {
        const { rowCount } = await client.query(
          "UPDATE regions SET retired_at = clock_timestamp() WHERE region = $1 AND retired_at IS NULL",
          [region],
        );
        if (rowCount === 0) return false;
        await client.query("DELETE FROM monitor_region_status WHERE region = $1", [region]);
        await endImpairment(client, region, { reason: "removed", by, at: Date.now() });
        return true;
      }),
  };
}
