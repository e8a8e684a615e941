import { afterAll, beforeAll, expect, test } from "vitest";
import type { MonitorStore } from "../../../coordinator/store/monitors.ts";
import { createMonitorStore } from "../../../coordinator/store/monitors.ts";
import type { Postgres, PostgresClient } from "../../../coordinator/store/postgres.ts";
import { newId } from "../../../shared/id.ts";
import { monitorDocument } from "../../../shared/monitor.ts";
import { testBox } from "../../support/secrets.ts";
import { testStores } from "../../support/stores.ts";
import { until } from "../../support/until.ts";

const onPort = (port: number) =>
  monitorDocument.parse({ name: "Judged", type: "tcp", tcp: { host: "127.0.0.1", port } });
const spec = onPort(9);
const elsewhere = onPort(10);

let postgres: Postgres;
let store: MonitorStore;
let stop: () => Promise<void>;

beforeAll(async () => {
  const stores = await testStores();
  postgres = stores.postgres;
  store = createMonitorStore(postgres, testBox);
  stop = stores.stop;
});
afterAll(() => stop?.());

/** Judges as the verdict store does: locks the status, and writes a vote once another statement waits for that lock. */
async function judgeAround<T>(id: string, work: () => Promise<T>): Promise<T> {
  const judge: PostgresClient = await postgres.connect();
  try {
    await judge.query("BEGIN");
    await judge.query("SELECT FROM monitor_status WHERE monitor_id = $1 FOR UPDATE", [id]);
    const working = work();
    working.catch(() => undefined);
    await until(
      () =>
        postgres.query("SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"),
      ({ rowCount }) => rowCount === 1,
    );
    await judge.query(
      `INSERT INTO monitor_region_status (monitor_id, region, status, scheduled_at, attempt, checked_at, latency_ms, side_since)
       VALUES ($1, 'eu-west', 'up', now(), 0, now(), 1, now())`,
      [id],
    );
    await judge.query("COMMIT");
    return await working;
  } finally {
    await judge.query("ROLLBACK");
    judge.release();
  }
}

test("a monitor that is being judged can be removed", async () => {
  const { id } = await store.create(newId("mon"), spec);
  expect(await judgeAround(id, () => store.remove(id))).toBe(true);
  expect(await store.get(id)).toBeNull();
});

test("a monitor that is being judged can be changed, and its votes are forgotten", async () => {
  const { id } = await store.create(newId("mon"), spec);
  expect(await judgeAround(id, () => store.change(id, () => elsewhere))).toMatchObject({ revision: 2, ...elsewhere });
  const { rowCount } = await postgres.query("SELECT FROM monitor_region_status WHERE monitor_id = $1", [id]);
  expect(rowCount).toBe(0);
});
