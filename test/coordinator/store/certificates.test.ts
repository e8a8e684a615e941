import { afterAll, beforeAll, expect, test } from "vitest";
import { createCertificateStore } from "../../../coordinator/store/certificates.ts";
import { createMonitorStore } from "../../../coordinator/store/monitors.ts";
import { newId } from "../../../shared/id.ts";
import { monitorDocument } from "../../../shared/monitor.ts";
import { testBox } from "../../support/secrets.ts";
import { testStores } from "../../support/stores.ts";

let stores: Awaited<ReturnType<typeof testStores>>;

beforeAll(async () => {
  stores = await testStores();
});
afterAll(() => stores?.stop());

/** A monitor whose certificate, as a region saw it, has so many days left. */
async function monitorWith(
  region: string,
  days: number,
  fingerprint = "a".repeat(64),
  id = newId("mon"),
): Promise<string> {
  const document = { name: "Shop", type: "http", http: { url: "https://shop.example/" } };
  const monitors = createMonitorStore(stores.postgres, testBox);
  if (!(await monitors.get(id))) await monitors.create(id, monitorDocument.parse(document));
  await stores.postgres.query(
    `INSERT INTO monitor_region_status (monitor_id, region, status, scheduled_at, attempt, checked_at, side_since, latency_ms, certificate, certificate_expires_at)
     VALUES ($1, $2, 'up', now(), 0, now(), now(), 1, $3, now() + make_interval(hours => $4))
     ON CONFLICT (monitor_id, region) DO UPDATE SET certificate = excluded.certificate, certificate_expires_at = excluded.certificate_expires_at`,
    [id, region, fingerprint, days * 24],
  );
  return id;
}

async function told(id: string): Promise<string[]> {
  await createCertificateStore(stores.postgres).noticeExpiring([1, 3, 7, 14]);
  const { rows } = await stores.postgres.query<{ id: string }>(
    "SELECT id FROM notices WHERE monitor_id = $1 AND event = 'certificate_expiring' ORDER BY at, id",
    [id],
  );
  return rows.map((row) => row.id.split("-").at(-1) as string);
}

test("a certificate is told of once in each span before it expires, and a new one anew", async () => {
  const id = await monitorWith("eu", 20);
  expect(await told(id)).toEqual([]);
  await monitorWith("eu", 10, undefined, id);
  expect(await told(id)).toEqual(["14"]);
  expect(await told(id)).toEqual(["14"]);
  await monitorWith("eu", 2, undefined, id);
  expect(await told(id)).toEqual(["14", "3"]);
  await monitorWith("eu", -1, undefined, id);
  expect(await told(id)).toEqual(["14", "3", "1"]);
  await monitorWith("eu", 10, "b".repeat(64), id);
  expect(await told(id)).toEqual(["14", "3", "1", "14"]);
});

test("of several regions' certificates the one that expires first counts", async () => {
  const id = await monitorWith("eu", 100);
  await monitorWith("us", 5, "c".repeat(64), id);
  expect(await told(id)).toEqual(["7"]);
});

test("nobody is told of a paused monitor's", async () => {
  const id = await monitorWith("eu", 5);
  await stores.postgres.query(`UPDATE monitors SET spec = spec || '{"enabled": false}' WHERE id = $1`, [id]);
  expect(await told(id)).toEqual([]);
});
