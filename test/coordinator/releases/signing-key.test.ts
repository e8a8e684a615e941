import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSigningKey } from "../../../coordinator/releases/signing-key.ts";
import { createSecretBox } from "../../../coordinator/secrets/box.ts";
import { parseKeys } from "../../../coordinator/secrets/keys.ts";
import { createDeploymentStore, type DeploymentStore } from "../../../coordinator/store/deployment.ts";
import { postgresMigrations } from "../../../coordinator/store/migrations/postgres.ts";
import { openPostgres, type Postgres } from "../../../coordinator/store/postgres.ts";
import { type TestResource, testDatabase } from "../../support/shared-servers.ts";

const [first, second] = [randomBytes(32), randomBytes(32)].map((key) => key.toString("base64")) as [string, string];
const boxOf = (...keys: string[]) => createSecretBox(parseKeys(keys.join(",")));
let database: TestResource;
let postgres: Postgres;
let store: DeploymentStore;

beforeAll(async () => {
  database = await testDatabase();
  postgres = openPostgres(database.url, pino({ level: "silent" }));
  for (const statements of postgresMigrations) await postgres.query(statements);
  store = createDeploymentStore(postgres);
});
afterAll(async () => {
  await postgres.end();
  await database.stop();
});

test("coordinators that ask for the first time at once have one key, which is kept sealed and moves to a new secret", async () => {
  const box = boxOf(first);
  const keys = await Promise.all(
    Array.from({ length: 5 }, async () => (await createSigningKey({ store, box }).publicKey()).toString("hex")),
  );
  expect(new Set(keys).size).toBe(1);
  const sealed = (await store.get("release-key")) as string;
  expect(sealed).toMatch(/^box1\./);

  const moved = createSigningKey({ store, box: boxOf(second, first) });
  expect((await moved.publicKey()).toString("hex")).toBe(keys[0]);
  expect(await store.get("release-key")).not.toBe(sealed);
  expect((await createSigningKey({ store, box: boxOf(second) }).publicKey()).toString("hex")).toBe(keys[0]);
  // Whose secret it is not has no key, rather than another one.
  await expect(createSigningKey({ store, box: boxOf(first) }).sign("text")).rejects.toThrow("which is not here");
});
