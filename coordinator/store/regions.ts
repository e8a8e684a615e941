import type { KnownRegion } from "../schedule/history.ts";
import type { Postgres } from "./postgres.ts";

/** The regions that Watchpost knows: those of which an agent was seen. */
export interface RegionStore {
  /** All, in ascending order. */
  list(): Promise<KnownRegion[]>;
  /** Adds one, if it is not known yet. */
  add(region: string): Promise<void>;
}

export function createRegionStore(postgres: Postgres): RegionStore {
  return {
    async list() {
      const { rows } = await postgres.query<{ region: string; created_at: Date }>(
        'SELECT region, created_at FROM regions ORDER BY region COLLATE "C"',
      );
      return rows.map(({ region, created_at }) => ({ region, since: created_at.getTime() }));
    },
    async add(region) {
      await postgres.query("INSERT INTO regions (region) VALUES ($1) ON CONFLICT DO NOTHING", [region]);
    },
  };
}
