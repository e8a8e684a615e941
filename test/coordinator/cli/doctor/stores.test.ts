import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkClickHouseAt } from "../../../../coordinator/cli/doctor/clickhouse.ts";
import { checkPostgresAt } from "../../../../coordinator/cli/doctor/postgres.ts";
import { serveHttp } from "../../../support/http-server.ts";
import { freePort } from "../../../support/servers.ts";
import { type TestResource, testClickHouse, testDatabase } from "../../../support/shared-servers.ts";

let database: TestResource;
let clickhouse: TestResource;
beforeAll(async () => {
  [database, clickhouse] = await Promise.all([testDatabase(), testClickHouse()]);
});
afterAll(() => Promise.all([database?.stop(), clickhouse?.stop()]));

/** The URL with parts of it changed. */
function changed(url: string, changes: Partial<Pick<URL, "port" | "hostname" | "password" | "pathname">>): string {
  return Object.assign(new URL(url), changes).href;
}

describe("PostgreSQL", () => {
  const check = (url: string) => checkPostgresAt("PostgreSQL", url, "DATABASE_URL");

  it("is good", async () => {
    expect(await check(database.url)).toMatchObject({
      state: "ok",
      detail: expect.stringMatching(/^PostgreSQL \d+\.\d+ .*127\.0\.0\.1/),
    });
  });

  it.each([
    ["a wrong password", { password: "wrong" }, "the password is wrong"],
    ["a database that is not there", { pathname: "/nowhere" }, "the database does not exist"],
    ["a host name that is not there", { hostname: "postgres.invalid" }, "its host name does not resolve"],
  ])("has %s", async (_, changes, detail) => {
    const finding = await check(changed(database.url, changes));
    expect(finding).toMatchObject({ state: "trouble", detail: expect.stringContaining(detail) });
    expect(finding.remedy).toContain("DATABASE_URL");
  });

  it("does not listen", async () => {
    const finding = await check(changed(database.url, { port: String(await freePort()) }));
    expect(finding).toMatchObject({ state: "trouble", detail: expect.stringContaining("nothing listens there") });
  });

  it("never shows a password", async () => {
    const url = changed(database.url, { password: "s3cret-pa55" });
    expect(JSON.stringify(await check(url))).not.toContain("s3cret-pa55");
  });
});

describe("ClickHouse", () => {
  const check = (url: string) => checkClickHouseAt("ClickHouse", url);

  it("is good", async () => {
    expect(await check(clickhouse.url)).toMatchObject({
      state: "ok",
      detail: expect.stringMatching(/^ClickHouse \d+/),
    });
  });

  it.each([
    ["a wrong password", { password: "wrong" }, "user or password is wrong"],
    ["a database that is not there", { pathname: "/nowhere" }, "the database nowhere does not exist"],
  ])("has %s", async (_, changes, detail) => {
    expect(await check(changed(clickhouse.url, changes))).toMatchObject({
      state: "trouble",
      detail: expect.stringContaining(detail),
      remedy: expect.stringContaining("CLICKHOUSE_URL"),
    });
  });

  it("does not listen", async () => {
    expect(await check(changed(clickhouse.url, { port: String(await freePort()) }))).toMatchObject({
      state: "trouble",
      detail: expect.stringContaining("nothing listens there"),
    });
  });

  it("is something else", async () => {
    const other = await serveHttp((_, response) => response.writeHead(404).end("<html>not here</html>"));
    try {
      expect(await check(other.url)).toMatchObject({
        state: "trouble",
        remedy: expect.stringContaining("HTTP interface"),
      });
    } finally {
      await other.stop();
    }
  });
});
