import { afterAll, beforeAll, expect, test } from "vitest";
import { createDeliveryStore } from "../../../coordinator/store/deliveries.ts";
import { writeIncidents } from "../../../coordinator/store/incidents.ts";
import { createMonitorStore } from "../../../coordinator/store/monitors.ts";
import { inTransaction } from "../../../coordinator/store/postgres.ts";
import { newId } from "../../../shared/id.ts";
import { monitorDocument } from "../../../shared/monitor.ts";
import { anIncident } from "../../support/incidents.ts";
import { testBox } from "../../support/secrets.ts";
import { testStores } from "../../support/stores.ts";

let stores: Awaited<ReturnType<typeof testStores>>;
beforeAll(async () => {
  stores = await testStores();
});
afterAll(() => stores?.stop());

test("a reminder of what was over before the incident came back is over", async () => {
  const { postgres } = stores;
  const first = anIncident({ notices: 1 });
  const again = { ...first, reopened: 1, failedAgainAt: Date.now(), notices: 3 };
  await inTransaction(postgres, (client) => writeIncidents(client, [again]));
  await postgres.query("INSERT INTO channels (id, name, type, settings) VALUES ('chn_a', 'a', 'webhook', '{}')");
  for (const incident of [first, again]) {
    const id = `${incident.id}-${incident.notices}`;
    await postgres.query(
      `INSERT INTO notices (id, at, event, monitor_id, incident_id, content, routed_at)
       VALUES ($1, now(), 'down', 'mon_a', $2, $3, now())`,
      [id, incident.id, JSON.stringify({ incident })],
    );
    await postgres.query(
      `INSERT INTO deliveries (id, channel_id, notice_id, incident_id, event, repeat, content, due_at)
       VALUES ($1, 'chn_a', $2, $3, 'down', 1, '{}', now() - interval '1 minute')`,
      [`${id}-r1`, id, incident.id],
    );
  }
  const seen: Array<[id: string, isOver: boolean]> = [];
  await createDeliveryStore(postgres).dispatch(10, (due) => {
    seen.push(...due.map(({ id, isOver }): [string, boolean] => [id.slice(-4), isOver]));
    return [];
  });
  expect(seen.sort()).toEqual([
    ["1-r1", true],
    ["3-r1", false],
  ]);
});

test("what depends on something that came back has been heard of since when every region has looked", async () => {
  const { postgres } = stores;
  const monitors = createMonitorStore(postgres, testBox);
  const make = (name: string, dependsOn: readonly string[]) => {
    const document = { name, type: "tcp", tcp: { host: "127.0.0.1", port: 9 }, dependsOn };
    return monitors.create(newId("mon"), monitorDocument.parse(document));
  };
  const parent = await make("Router", []);
  const child = await make("Shop", [parent.id]);
  const backAt = Date.now() - 1_000;
  await postgres.query("UPDATE monitor_status SET verdict = 'up', since = $2 WHERE monitor_id = $1", [
    parent.id,
    new Date(backAt),
  ]);
  for (const [region, checkedAt] of [
    ["eu-west", backAt + 300],
    ["us-east", backAt - 5_000],
  ] as const) {
    await postgres.query(
      `INSERT INTO monitor_region_status (monitor_id, region, status, scheduled_at, attempt, checked_at, side_since, latency_ms)
       VALUES ($1, $2, 'down', $3, 0, $3, $3, 1)`,
      [child.id, region, new Date(checkedAt)],
    );
  }
  await postgres.query("INSERT INTO channels (id, name, type, settings) VALUES ('chn_b', 'b', 'webhook', '{}')");
  await postgres.query(
    `INSERT INTO deliveries (id, channel_id, monitor_id, event, content, due_at)
     VALUES ('dlv_child', 'chn_b', $1, 'down', '{}', now() - interval '1 minute')`,
    [child.id],
  );
  const heard: unknown[] = [];
  await createDeliveryStore(postgres).dispatch(10, (due) => {
    heard.push(...due.filter(({ id }) => id === "dlv_child").map(({ above }) => above));
    return [];
  });
  expect(heard).toMatchObject([{ isDown: false, wellSince: backAt, ownHeardAt: backAt - 5_000 }]);
});
