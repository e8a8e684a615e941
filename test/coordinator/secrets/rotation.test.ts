import { afterAll, beforeAll, expect, test } from "vitest";
import { isJudgedAlike } from "../../../coordinator/replay/judged-alike.ts";
import { createSecretBox } from "../../../coordinator/secrets/box.ts";
import { newKey, parseKeys } from "../../../coordinator/secrets/keys.ts";
import { openSecrets } from "../../../coordinator/secrets/monitor-secrets.ts";
import { createRotation } from "../../../coordinator/secrets/rotation.ts";
import { createKeyMarks } from "../../../coordinator/store/key-marks.ts";
import { createMonitorStore } from "../../../coordinator/store/monitors.ts";
import type { Postgres } from "../../../coordinator/store/postgres.ts";
import { openPostgres } from "../../../coordinator/store/postgres.ts";
import { createSealedRows } from "../../../coordinator/store/sealed-rows.ts";
import { ConfigError } from "../../../shared/errors.ts";
import { createLogger } from "../../../shared/logger.ts";
import type { Monitor, MonitorSpec, StoredHttp } from "../../../shared/monitor.ts";
import { watchpost } from "../../support/cli.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { adminToken, startTestCoordinator } from "../../support/coordinator.ts";

const [older, newer] = [newKey(), newKey()];
const idOf = (key: string) => parseKeys(key)[0]?.id as string;
const boxOf = (...keys: string[]) => createSecretBox(parseKeys(keys.join()));
const logger = createLogger({ level: "silent", name: "test" });

let first: TestCoordinator;
let postgres: Postgres;
beforeAll(async () => {
  first = await startTestCoordinator("redis", { secretKeys: parseKeys(older) });
  postgres = openPostgres(first.databaseUrl, logger);
});
afterAll(async () => {
  await postgres?.end();
  await first?.stop();
});

const withKeys = (...keys: string[]) => first.another({ secretKeys: parseKeys(keys.join()) });
const shop = {
  name: "Shop",
  type: "http",
  http: { url: "https://shop.example/", headers: { authorization: "Bearer hunter2" }, body: { secret: "hunter3" } },
};
const opened = (monitorId: string, spec: MonitorSpec | null, ...keys: string[]) =>
  openSecrets(boxOf(...keys), monitorId, (spec as { http: StoredHttp }).http);
const rotationWith = (...keys: string[]) =>
  createRotation({
    rows: createSealedRows(postgres),
    marks: createKeyMarks(postgres),
    box: boxOf(...keys),
    secretsOf: () => ["token"],
    logger,
  });

test("keys change while everything goes on, and the old one is not needed any more", async () => {
  const { body: made } = await first.call("POST", "/v1/monitors", shop);
  await first.call("PATCH", `/v1/monitors/${made.id}`, { name: "The shop" });
  const { body: gone } = await first.call("POST", "/v1/monitors", shop);
  await first.call("DELETE", `/v1/monitors/${gone.id}`);
  const channel = { name: "Phone", type: "ntfy", settings: { topic: "hunter-4", serverUrl: "http://127.0.0.1:9" } };
  const { body: phone } = await first.call("POST", "/v1/channels", channel);
  // A name that looks like what is sealed is none.
  await first.call("POST", "/v1/monitors", { ...shop, name: `{"sealed": "box1.${idOf(older)}.x"}` });

  await expect(withKeys(newer)).rejects.toThrow(ConfigError);
  await expect(withKeys(newer)).rejects.toThrow(
    `the database holds secrets sealed with the key ${idOf(older)}, and WATCHPOST_KEY has only ${idOf(newer)}: give this coordinator the deployment's keys in WATCHPOST_KEY or WATCHPOST_KEY_FILE`,
  );

  const both = await withKeys(newer, older);
  const env = { WATCHPOST_URL: both.url, WATCHPOST_TOKEN: adminToken };
  const keys = async () => (await both.call("GET", "/v1/keys")).body.data;
  const before = await keys();
  expect(before).toMatchObject([
    { id: idOf(newer), isCurrent: true, isHere: true },
    { id: idOf(older), isCurrent: false, isHere: true },
  ]);
  // Two of each revision and each current monitor; and what else the deployment has.
  const [{ secrets: fresh }, { secrets: stale }] = before;
  expect(stale).toBeGreaterThanOrEqual(2 * (3 + 1) + 2 * 2 + 1);
  expect((await watchpost(["keys"], env)).out).toMatch(
    new RegExp(`KEY +SECRETS +STATE\n${idOf(newer)} +${fresh} +current\n${idOf(older)} +${stale} +opens only\n`),
  );

  // What is interrupted at once has done no monitor, and is gone on with.
  expect(await rotationWith(newer, older).rotate(-1)).toMatchObject({ monitors: 0 });
  expect((await keys())[1].secrets).toBeGreaterThan(0);

  expect(await watchpost(["keys", "rotate"], env)).toEqual({
    code: 0,
    out: "Every secret is sealed with the current key.\n",
    err: "",
  });
  expect(await keys()).toEqual([
    { id: idOf(newer), secrets: fresh + stale, isCurrent: true, isHere: true },
    { id: idOf(older), secrets: 0, isCurrent: false, isHere: true },
  ]);
  expect((await both.call("GET", "/v1/audit")).body.data[0]).toMatchObject({ action: "keys.rotate", actor: "admin" });
  await both.stop();

  const alone = await withKeys(newer);
  const store = createMonitorStore(postgres, boxOf(newer));
  for (const id of [made.id, gone.id]) {
    for (const { spec } of (await store.history(id)).filter((revision) => revision.spec !== null)) {
      expect(opened(id, spec, newer)).toEqual({ headers: { authorization: "Bearer hunter2" }, body: "hunter3" });
    }
  }
  const [one, two] = (await store.history(made.id)).map(({ spec }) => spec);
  expect(isJudgedAlike(one as MonitorSpec, two as MonitorSpec)).toBe(true);
  expect(opened(made.id, (await store.get(made.id)) as Monitor, newer)).toMatchObject({ body: "hunter3" });
  const kept = await alone.call("PUT", `/v1/channels/${phone.id}`, {
    ...channel,
    settings: { ...channel.settings, topic: "***" },
  });
  expect(kept).toMatchObject({ status: 200, body: { settings: { topic: "***" } } });
  expect((await alone.call("GET", "/v1/keys")).body.data).toHaveLength(1);
  await alone.stop();
  await expect(withKeys(older)).rejects.toThrow(`sealed with the key ${idOf(newer)}`);
});

test("what is in plain from before is sealed, and each revision stays what it was", async () => {
  const id = "mon_00000000000000000000";
  const plain = (authorization: string, changes = {}) =>
    JSON.stringify({
      ...shop,
      http: { ...shop.http, headers: { authorization }, body: null, ignoreTls: false },
      ...changes,
    });
  const revisions = [plain("Bearer hunter5"), plain("Bearer hunter5", { name: "B" }), plain("Bearer hunter6")];
  await postgres.query("INSERT INTO monitors (id, revision, spec) VALUES ($1, 3, $2)", [id, revisions[2]]);
  for (const [n, spec] of revisions.entries()) {
    await postgres.query(
      "INSERT INTO monitor_revisions (monitor_id, revision, spec, valid_from) VALUES ($1, $2, $3, now())",
      [id, n + 1, spec],
    );
  }
  const settings = { serverUrl: "http://127.0.0.1:9", token: "hunter7" };
  await postgres.query("INSERT INTO channels (id, name, type, settings) VALUES ('chn_a', 'A', 'gotify', $1)", [
    settings,
  ]);
  await postgres.query("DELETE FROM deployment WHERE name = 'secrets-are-sealed'");

  const coordinator = await withKeys(newer);
  const { rows } = await postgres.query(
    `SELECT spec::text AS text FROM monitors UNION ALL SELECT spec::text FROM monitor_revisions
     UNION ALL SELECT settings::text FROM channels`,
  );
  expect(rows.map(({ text }) => text).join("\n")).not.toMatch(/hunter/);
  const store = createMonitorStore(postgres, boxOf(newer));
  const specs = (await store.history(id)).map(({ spec }) => spec as MonitorSpec);
  expect(specs.map((spec) => opened(id, spec, newer).headers.authorization)).toEqual([
    "Bearer hunter5",
    "Bearer hunter5",
    "Bearer hunter6",
  ]);
  const [a, b, c] = specs as [MonitorSpec, MonitorSpec, MonitorSpec];
  expect([isJudgedAlike(a, b), isJudgedAlike(b, c)]).toEqual([true, false]);
  expect(await store.get(id)).toMatchObject({ ...c, revision: 3 });
  expect((await coordinator.call("GET", "/v1/channels/chn_a")).body.settings).toEqual({ ...settings, token: "***" });
  await coordinator.stop();
});

test("a secret that cannot be opened keeps none of the others from being sealed anew", async () => {
  const coordinator = await withKeys(newer);
  const { body: broken } = await coordinator.call("POST", "/v1/monitors", shop);
  await postgres.query(
    `UPDATE monitor_revisions SET spec = jsonb_set(spec, '{http,body,sealed}', '"box1.${idOf(older)}.AAAA"') WHERE monitor_id = $1`,
    [broken.id],
  );
  await coordinator.stop();
  const latest = newKey();
  const other = await withKeys(latest, newer);
  const rotated = await watchpost(["keys", "rotate"], { WATCHPOST_URL: other.url, WATCHPOST_TOKEN: adminToken });
  expect(rotated).toMatchObject({ code: 1, err: expect.stringMatching(/cannot be opened to be sealed anew/) });
  const { data } = (await other.call("GET", "/v1/keys")).body;
  expect(data.find(({ id }: { id: string }) => id === idOf(older))).toMatchObject({ secrets: 1, isHere: false });
  expect(data.find(({ id }: { id: string }) => id === idOf(newer))).toMatchObject({ secrets: 3 });
  await other.stop();
});
