import { afterEach, expect, it } from "vitest";
import { watchpost } from "../../../support/cli.ts";
import { serveHttp } from "../../../support/http-server.ts";
import { freePort } from "../../../support/servers.ts";

let stop = async () => {};
afterEach(() => stop());

it("says of each thing what is wrong and what to do, and exits with 1", async () => {
  const port = await freePort();
  const env = {
    WATCHPOST_URL: `http://127.0.0.1:${port}`,
    WATCHPOST_TOKEN: "x",
    REDIS_HOST: "127.0.0.1",
    REDIS_PORT: String(port),
    DATABASE_URL: `postgres://u:p@127.0.0.1:${port}/db`,
    CLICKHOUSE_URL: `http://127.0.0.1:${port}/db`,
  };
  const { code, out, err } = await watchpost(["doctor"], env);
  expect(code).toBe(1);
  expect(err).toBe("watchpost: 4 of 14 checks found trouble\n");
  for (const check of ["Queue server", "PostgreSQL", "ClickHouse", "Coordinator"]) {
    expect(out).toMatch(new RegExp(`^wrong +${check} .*\\n +→ `, "m"));
  }
});

it("goes on when there is no token", async () => {
  const checks = { postgres: { ok: true }, clickhouse: { ok: true }, queue: { ok: true }, schedule: { ok: true } };
  const server = await serveHttp((_, response) => response.end(JSON.stringify({ status: "ready", checks })));
  stop = server.stop;
  const { code, out } = await watchpost(["doctor"], { WATCHPOST_URL: server.url, WATCHPOST_DATA: "/nonexistent" });
  expect(code).toBe(1);
  expect(out).toMatch(/^ok +Coordinator +ready at /m);
  expect(out).toMatch(/^wrong +Admin token +there is no token/m);
});

it("names a wrong setting and exits with 2", async () => {
  expect(await watchpost(["doctor"], { REDIS_PORT: "many" })).toMatchObject({
    code: 2,
    err: expect.stringContaining("REDIS_PORT must be a whole number"),
  });
});
