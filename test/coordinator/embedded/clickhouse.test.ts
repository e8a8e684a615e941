import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testClickHouse } from "../../support/shared-servers.ts";

describe("the embedded ClickHouse, by the unmodified client", () => {
  let database: Awaited<ReturnType<typeof testClickHouse>>;
  let client: ClickHouseClient;
  beforeAll(async () => {
    database = await testClickHouse();
    client = createClient({
      url: database.url,
      compression: { request: true, response: true },
      log: { level: ClickHouseLogLevel.OFF },
    });
    await client.command({
      query: "CREATE TABLE seen (id UInt32, at DateTime64(3, 'UTC'), text String) ENGINE = MergeTree ORDER BY id",
    });
  });
  afterAll(async () => {
    await client.close();
    await database.stop();
  });

  const rows = async <T>(query: string, options: object = {}): Promise<T[]> =>
    (await client.query({ query, format: "JSONEachRow", ...options })).json<T>();

  test("answers a ping, with and without a statement", async () => {
    expect(await client.ping()).toMatchObject({ success: true });
    expect(await client.ping({ select: true })).toMatchObject({ success: true });
  });

  test("stores what is inserted, whatever its text", async () => {
    const texts = ["plain", "'; DROP TABLE seen; --", "two\nlines;\n\n;", 'quotes "\\', "nul \0 byte", "é☃😀", ""];
    const values = texts.map((text, id) => ({ id, at: "2026-01-02 03:04:05.678", text }));
    await client.insert({ table: "seen", values, format: "JSONEachRow" });
    expect(await rows("SELECT * FROM seen ORDER BY id")).toEqual(values);
  });

  test("works in the database that the URL names", async () => {
    const [row] = await rows<{ name: string }>("SELECT currentDatabase() AS name");
    expect(row?.name).toBe(new URL(database.url).pathname.slice(1));
  });

  test("takes parameters of every kind, also hostile ones", async () => {
    const at = new Date("2026-01-02T03:04:05.678Z");
    const text = `it's \\ "x" {y:String} \t\n;`;
    const found = await rows(
      "SELECT {text:String} AS text, {list:Array(String)} AS list, {n:Nullable(Int8)} AS n, {at:DateTime64(3, 'UTC')} AS at",
      { query_params: { text, list: ["a'b", "c,d"], n: null, at } },
    );
    expect(found).toEqual([{ text, list: ["a'b", "c,d"], n: null, at: "2026-01-02 03:04:05.678" }]);
  });

  test("keeps a statement's settings and parameters to that statement, also after an error", async () => {
    const size = "SELECT toUInt32(getSetting('max_block_size')) AS size";
    const [usual] = await rows<{ size: number }>(size);
    expect(await rows(size, { clickhouse_settings: { max_block_size: "777" } })).toEqual([{ size: 777 }]);
    await expect(rows("SELECT nope", { clickhouse_settings: { max_block_size: "777" } })).rejects.toThrow();
    expect(await rows(size)).toEqual([usual]);
    expect(await rows("SELECT {x:String} AS x", { query_params: { x: "1" } })).toEqual([{ x: "1" }]);
    await expect(rows("SELECT {x:String} AS x")).rejects.toThrow(/x/);
  });

  test("an insert of nothing is fine", async () => {
    await client.insert({ table: "seen", values: [], format: "JSONEachRow" });
    await client.exec({ query: "INSERT INTO seen FORMAT JSONEachRow" });
  });

  test("errors carry ClickHouse's code and type, and the right status", async () => {
    const caught = await rows("SELECT * FROM nowhere").catch((thrown: unknown) => thrown);
    expect(caught).toBeInstanceOf(ClickHouseError);
    expect(caught).toMatchObject({ code: "60", type: "UNKNOWN_TABLE" });
    await expect(rows("SELEC 1")).rejects.toMatchObject({ code: "62", type: "SYNTAX_ERROR" });
    await expect(rows("SELECT 1", { clickhouse_settings: { no_such: 1 } })).rejects.toMatchObject({ code: "115" });
    const { username, password, origin } = new URL(database.url);
    const response = await fetch(origin, {
      method: "POST",
      headers: {
        authorization: `Basic ${btoa(`${username}:${password}`)}`,
      },
      body: "SELECT * FROM nowhere",
    });
    expect([response.status, response.headers.get("x-clickhouse-exception-code")]).toEqual([404, "60"]);
  });

  test("runs statements side by side, more than it runs at once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => rows("SELECT {n:UInt8} AS n, sleep(0.01) AS s", { query_params: { n } })),
    );
    expect(answers.flat().map((row) => (row as { n: number }).n)).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });

  test("refuses a wrong password, and takes ClickHouse's own headers", async () => {
    const { username, password, origin } = new URL(database.url);
    const statuses = [];
    for (const key of [password, "wrong", ""]) {
      const headers = { "x-clickhouse-user": username, "x-clickhouse-key": key };
      statuses.push((await fetch(origin, { method: "POST", headers, body: "SELECT 1" })).status);
    }
    statuses.push((await fetch(origin, { method: "POST", body: "SELECT 1" })).status);
    expect(statuses).toEqual([200, 403, 403, 403]);
  });

  test("refuses a request that is too large and goes on", async () => {
    const { username, password, origin } = new URL(database.url);
    const response = await fetch(origin, {
      method: "POST",
      headers: { "x-clickhouse-user": username, "x-clickhouse-key": password },
      body: " ".repeat(65 * 1024 * 1024),
    }).catch(() => null);
    // The server may close the connection while the rest is still being sent.
    if (response !== null) expect(response.status).toBe(413);
    expect(await rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });
});
