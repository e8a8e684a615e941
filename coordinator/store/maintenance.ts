import type { MaintenanceWindow, WindowSpec } from "../maintenance/document.ts";
import type { MonitorPosition as Position } from "./monitors.ts";
import type { Postgres } from "./postgres.ts";
import { inTransaction } from "./postgres.ts";

/** Maintenance windows in PostgreSQL. */
export interface MaintenanceStore {
  create(id: string, spec: WindowSpec): Promise<MaintenanceWindow>;
  get(id: string): Promise<MaintenanceWindow | null>;
  /** All of them. */
  all(): Promise<MaintenanceWindow[]>;
  /** Windows in order of creation, behind a position. */
  list(limit: number, after: Position | null): Promise<MaintenanceWindow[]>;
  /**
   * Makes a window what `revise` says; null when there is none. Changes of one window
   * wait for each other. What `revise` throws is thrown, and nothing is changed.
   */
  change(id: string, revise: (current: MaintenanceWindow) => WindowSpec): Promise<MaintenanceWindow | null>;
  /** False when there was none. */
  remove(id: string): Promise<boolean>;
}

interface Row {
  readonly id: string;
  readonly spec: WindowSpec;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const columns = "id, spec, created_at, updated_at";

export function createMaintenanceStore(postgres: Postgres): MaintenanceStore {
  async function read(rest: string, values: readonly unknown[] = []): Promise<MaintenanceWindow[]> {
    const { rows } = await postgres.query<Row>(`SELECT ${columns} FROM maintenance_windows ${rest}`, [...values]);
    return rows.map(toWindow);
  }
  return {
    async create(id, spec) {
      const { rows } = await postgres.query<Row>(
        `INSERT INTO maintenance_windows (id, spec) VALUES ($1, $2) RETURNING ${columns}`,
        [id, JSON.stringify(spec)],
      );
      return toWindow(rows[0] as Row);
    },
    get: async (id) => (await read("WHERE id = $1", [id]))[0] ?? null,
    all: () => read(""),
    list: (limit, after) =>
      read("WHERE (created_at, id) > ($2, $3) ORDER BY created_at, id LIMIT $1", [
        limit,
        new Date(after?.createdAt ?? 0),
        after?.id ?? "",
      ]),
    change: (id, revise) =>
      inTransaction(postgres, async (client) => {
        const found = await client.query<Row>(`SELECT ${columns} FROM maintenance_windows WHERE id = $1 FOR UPDATE`, [
          id,
        ]);
        if (!found.rows[0]) return null;
        const spec = revise(toWindow(found.rows[0]));
        const { rows } = await client.query<Row>(
          `UPDATE maintenance_windows SET spec = $2, updated_at = clock_timestamp() WHERE id = $1 RETURNING ${columns}`,
          [id, JSON.stringify(spec)],
        );
        return toWindow(rows[0] as Row);
      }),
    async remove(id) {
      const { rowCount } = await postgres.query("DELETE FROM maintenance_windows WHERE id = $1", [id]);
      return rowCount === 1;
    },
  };
}

function toWindow({ id, spec, created_at, updated_at }: Row): MaintenanceWindow {
  return { ...spec, id, createdAt: created_at.getTime(), updatedAt: updated_at.getTime() };
}
