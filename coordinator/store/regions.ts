import type { Postgres } from "./postgres.ts";

/** The regions that Watchpost knows: those of agents seen and of monitors made. */
export interface RegionStore {
  /** All, in ascending order. */
  list(): Promise<string[]>;
  /** Adds those that are not known yet. */
  add(regions: readonly string[]): Promise<void>;
}

export function createRegionStore(postgres: Postgres): RegionStore {
  return {
    async list() {
      const { rows } = await postgres.query<{ region: string }>(
        'SELECT region FROM regions ORDER BY region COLLATE "C"',
      );
      return rows.map(({ region }) => region);
    },
    async add(regions) {
      await postgres.query("INSERT INTO regions (region) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING", [regions]);
    },
  };
}
