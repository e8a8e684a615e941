import { afterAll, beforeAll, expect, test } from "vitest";
import { createDeliveryStore } from "../../../coordinator/store/deliveries.ts";
import { writeIncidents } from "../../../coordinator/store/incidents.ts";
import { inTransaction } from "../../../coordinator/store/postgres.ts";
import { anIncident } from "../../support/incidents.ts";
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
