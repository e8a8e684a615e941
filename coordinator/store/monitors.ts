import type { GivenMonitor, Monitor, MonitorSpec } from "../../shared/monitor.ts";
import { isJudgedAlike } from "../replay/judged-alike.ts";
import type { Revision } from "../schedule/history.ts";
import type { SecretBox } from "../secrets/box.ts";
import { sealMonitor } from "../secrets/monitor-secrets.ts";
import { checkDependencies } from "./dependencies.ts";
import type { Postgres, PostgresClient } from "./postgres.ts";
import { inTransaction } from "./postgres.ts";
import { beginAnew, beginStatus, endWatch, lockStatus } from "./verdict-resets.ts";

/** Monitors in PostgreSQL, with every revision that they ever had. Their secrets are sealed on the way in and stay so. */
export interface MonitorStore {
  /** @throws SecretRefused, DependencyRefused */
  create(id: string, given: GivenMonitor): Promise<Monitor>;
  /** The monitors of these ids that exist, in no particular order. */
  getMany(ids: readonly string[]): Promise<Monitor[]>;
  get(id: string): Promise<Monitor | null>;
  /** Monitors in order of creation, behind a position. */
  list(limit: number, after: MonitorPosition | null): Promise<Monitor[]>;
  /**
   * Makes a new revision out of the current one; null when there is no such monitor.
   * Changes of one monitor wait for each other, so none is lost. What `revise`
   * throws is thrown, and nothing is changed.
   * @param by who changes it, for those who are told; null where that is not known.
   * @throws SecretRefused, DependencyRefused
   */
  change(id: string, revise: (current: Monitor) => GivenMonitor, by?: string | null): Promise<Monitor | null>;
  /** @param by who removes it. @returns false when there was none. */
  remove(id: string, by?: string | null): Promise<boolean>;
  /** When those of these monitors that are gone were removed, in ms since the epoch. */
  removals(ids: readonly string[]): Promise<Map<string, number>>;
  /** Every version that a monitor ever had, also one that is gone, oldest first. */
  history(id: string): Promise<Revision[]>;
  /** The current revision of every monitor, by id. */
  revisions(): Promise<Map<string, number>>;
}

/** A place in the order of creation. */
export interface MonitorPosition {
  readonly createdAt: number;
  readonly id: string;
}

interface Row {
  readonly id: string;
  readonly revision: number;
  readonly spec: MonitorSpec;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const columns = "id, revision, spec, created_at, updated_at";

export function createMonitorStore(postgres: Postgres, box: SecretBox): MonitorStore {
  async function getMany(ids: readonly string[]): Promise<Monitor[]> {
    const { rows } = await postgres.query<Row>(`SELECT ${columns} FROM monitors WHERE id = ANY($1)`, [ids]);
    return rows.map(toMonitor);
  }
  return {
    getMany,
    get: async (id) => (await getMany([id]))[0] ?? null,
    create: (id, given) =>
      inTransaction(postgres, async (client) => {
        const spec = sealMonitor(box, given, { id, revision: 1, current: null });
        await checkDependencies(client, id, spec.dependsOn, []);
        const { rows } = await client.query<Row>(
          `INSERT INTO monitors (id, spec) VALUES ($1, $2) RETURNING ${columns}`,
          [id, JSON.stringify(spec)],
        );
        const monitor = toMonitor(rows[0] as Row);
        await recordRevision(client, monitor, spec);
        await beginStatus(client, id, spec.enabled);
        return monitor;
      }),
    async list(limit, after) {
      const { rows } = await postgres.query<Row>(
        `SELECT ${columns} FROM monitors WHERE (created_at, id) > ($2, $3) ORDER BY created_at, id LIMIT $1`,
        [limit, new Date(after?.createdAt ?? 0), after?.id ?? ""],
      );
      return rows.map(toMonitor);
    },
    change: (id, revise, by = null) =>
      inTransaction(postgres, async (client) => {
        // Not a whole FOR UPDATE: whoever writes the monitor's votes wants to know that it is there, and has its status.
        const found = await client.query<Row>(`SELECT ${columns} FROM monitors WHERE id = $1 FOR NO KEY UPDATE`, [id]);
        if (!found.rows[0]) return null;
        const current = toMonitor(found.rows[0]);
        const spec = sealMonitor(box, revise(current), { id, revision: current.revision + 1, current });
        await checkDependencies(client, id, spec.dependsOn, current.dependsOn);
        const { rows } = await client.query<Row>(
          `UPDATE monitors SET spec = $2, revision = revision + 1, updated_at = clock_timestamp()
           WHERE id = $1 RETURNING ${columns}`,
          [id, JSON.stringify(spec)],
        );
        const monitor = toMonitor(rows[0] as Row);
        await recordRevision(client, monitor, spec);
        if (!isJudgedAlike(found.rows[0].spec, spec)) await forgetVotes(client, monitor, by);
        return monitor;
      }),
    remove: (id, by = null) =>
      inTransaction(postgres, async (client) => {
        // In the order of those who judge: the status first, and then the monitor itself.
        const status = await lockStatus(client, id);
        const { rows } = await client.query<{ revision: number }>(
          "DELETE FROM monitors WHERE id = $1 RETURNING revision",
          [id],
        );
        if (!rows[0]) return false;
        if (status) await endWatch(client, id, status, { reason: "removed", by, at: Date.now() });
        await client.query(
          "INSERT INTO monitor_revisions (monitor_id, revision, spec, valid_from) VALUES ($1, $2, NULL, clock_timestamp())",
          [id, rows[0].revision + 1],
        );
        return true;
      }),
    async removals(ids) {
      const { rows } = await postgres.query<{ monitor_id: string; valid_from: Date }>(
        "SELECT monitor_id, valid_from FROM monitor_revisions WHERE monitor_id = ANY($1) AND spec IS NULL",
        [ids],
      );
      return new Map(rows.map(({ monitor_id, valid_from }) => [monitor_id, valid_from.getTime()]));
    },
    async history(id) {
      const { rows } = await postgres.query<{ spec: MonitorSpec | null; valid_from: Date }>(
        "SELECT spec, valid_from FROM monitor_revisions WHERE monitor_id = $1 ORDER BY revision",
        [id],
      );
      return rows.map(({ spec, valid_from }) => ({ spec, validFrom: valid_from.getTime() }));
    },
    async revisions() {
      const { rows } = await postgres.query<{ id: string; revision: number }>("SELECT id, revision FROM monitors");
      return new Map(rows.map(({ id, revision }) => [id, revision]));
    },
  };
}

async function recordRevision(
  client: PostgresClient,
  { id, revision, updatedAt }: Monitor,
  spec: MonitorSpec,
): Promise<void> {
  await client.query("INSERT INTO monitor_revisions (monitor_id, revision, spec, valid_from) VALUES ($1, $2, $3, $4)", [
    id,
    revision,
    JSON.stringify(spec),
    new Date(updatedAt),
  ]);
}

/** Votes were about what the monitor watched before; they say nothing about what it watches now. */
async function forgetVotes(client: PostgresClient, monitor: Monitor, by: string | null): Promise<void> {
  // Takes the status first, as those who judge do: their last vote on what was watched before is written by then.
  await beginAnew(client, monitor, by);
  await client.query("DELETE FROM monitor_region_status WHERE monitor_id = $1", [monitor.id]);
}

function toMonitor({ id, revision, spec, created_at, updated_at }: Row): Monitor {
  return { ...spec, id, revision, createdAt: created_at.getTime(), updatedAt: updated_at.getTime() };
}
