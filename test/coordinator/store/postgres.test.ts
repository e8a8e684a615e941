import { expect, onTestFinished, test } from "vitest";
import { inTransaction, openPostgres } from "../../../coordinator/store/postgres.ts";
import { createLogger } from "../../../shared/logger.ts";
import { testDatabase } from "../../support/shared-servers.ts";

async function open() {
  const database = await testDatabase();
  const pool = openPostgres(database.url, createLogger({ level: "silent", name: "test" }));
  onTestFinished(async () => {
    await pool.end();
    await database.stop();
  });
  return pool;
}

test("what a transaction did before it threw is undone", async () => {
  const pool = await open();
  await pool.query("CREATE TABLE t (n integer)");
  const failed = inTransaction(pool, async (client) => {
    await client.query("INSERT INTO t VALUES (1)");
    throw new Error("changed my mind");
  });
  await expect(failed).rejects.toThrow("changed my mind");
  await inTransaction(pool, (client) => client.query("INSERT INTO t VALUES (2)"));
  expect((await pool.query("SELECT n FROM t")).rows).toEqual([{ n: 2 }]);
});

test("a connection that breaks between two statements fails the transaction and not the program", async () => {
  const pool = await open();
  const failed = inTransaction(pool, async (client) => {
    const { rows } = await client.query("SELECT pg_backend_pid() AS pid");
    const broke = new Promise((resolve) => client.once("end", resolve));
    await pool.query("SELECT pg_terminate_backend($1)", [rows[0].pid]);
    await broke;
    await client.query("SELECT 1");
  });
  await expect(failed).rejects.toThrow();
  expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
});
