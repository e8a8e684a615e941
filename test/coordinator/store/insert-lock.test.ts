import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { createInsertLock } from "../../../coordinator/store/insert-lock.ts";
import { openPostgres } from "../../../coordinator/store/postgres.ts";
import { createLogger } from "../../../shared/logger.ts";
import { startRelay } from "../../support/relay.ts";
import { testDatabase } from "../../support/shared-servers.ts";
import { until } from "../../support/until.ts";

const silent = createLogger({ level: "silent", name: "test" });

async function setUp() {
  const database = await testDatabase();
  const relay = await startRelay(database.url);
  const postgres = openPostgres(relay.url, silent);
  const direct = openPostgres(database.url, silent);
  onTestFinished(async () => {
    await Promise.all([postgres.end(), direct.end()]);
    await relay.stop();
    await database.stop();
  });
  const advisory = async (granted: boolean) => {
    const { rows } = await direct.query(
      `SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
       WHERE d.datname = current_database() AND locktype = 'advisory' AND granted = $1`,
      [granted],
    );
    return rows.length;
  };
  return { relay, lock: createInsertLock(postgres, silent), advisory };
}

test("those who share it go side by side; who has it alone waits for them, and they for him", async () => {
  const { lock, advisory } = await setUp();
  const events = new EventTarget();
  const order: string[] = [];
  const shared = [1, 2].map(() =>
    lock.shared(async () => {
      await once(events, "end");
      order.push("shared");
    }),
  );
  await until(
    () => advisory(true),
    (count) => count === 2,
  );
  const alone = lock.exclusive(async () => void order.push("alone"));
  await until(
    () => advisory(false),
    (count) => count === 1,
  );
  const later = lock.shared(async () => void order.push("later"));
  await until(
    () => advisory(false),
    (count) => count === 2,
  );
  events.dispatchEvent(new Event("end"));
  await Promise.all([...shared, alone, later]);
  expect(order).toEqual(["shared", "shared", "alone", "later"]);
  expect(await advisory(true)).toBe(0);
});

test("what the work throws is thrown, and the lock is free again", async () => {
  const { lock, advisory } = await setUp();
  await expect(lock.exclusive(() => Promise.reject(new Error("no room")))).rejects.toThrow("no room");
  expect(await advisory(true)).toBe(0);
  expect(await lock.exclusive(async () => 7)).toBe(7);
});

test("while PostgreSQL is away the work is done once all the same, and so it is when it goes away meanwhile", async () => {
  const { lock, relay } = await setUp();
  let done = 0;
  expect(
    await lock.shared(async () => {
      relay.cut();
      return ++done;
    }),
  ).toBe(1);
  expect(await lock.exclusive(async () => ++done)).toBe(2);
  relay.mend();
  expect(await lock.exclusive(async () => ++done)).toBe(3);
  expect(done).toBe(3);
});
