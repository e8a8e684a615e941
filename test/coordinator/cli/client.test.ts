import type { RequestListener } from "node:http";
import { afterEach, expect, it } from "vitest";
import { createClient } from "../../../coordinator/cli/client.ts";
import { serveHttp } from "../../support/http-server.ts";
import { freePort } from "../../support/servers.ts";

let stop: () => Promise<void> = async () => undefined;
afterEach(() => stop());

async function clientOf(listener: RequestListener, deadlineMs?: number) {
  const server = await serveHttp(listener);
  stop = server.stop;
  return createClient({ url: server.url, token: "secret", dataDirectory: "." }, deadlineMs);
}

const json =
  (status: number, body: unknown): RequestListener =>
  (_, response) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));

it("sends the token and the body", async () => {
  const client = await clientOf(async (request, response) => {
    const { authorization } = request.headers;
    const body = JSON.parse((await request.toArray()).join("")) as unknown;
    response.end(JSON.stringify({ method: request.method, url: request.url, authorization, body }));
  });
  expect(await client.patch("/v1/x", { enabled: false })).toEqual({
    method: "PATCH",
    url: "/v1/x",
    authorization: "Bearer secret",
    body: { enabled: false },
  });
});

it("follows the cursor and stops at the limit", async () => {
  const client = await clientOf((request, response) => {
    const { searchParams } = new URL(request.url ?? "", "http://x");
    const from = Number(searchParams.get("cursor") ?? 0);
    const size = Math.min(3, Number(searchParams.get("limit")));
    const data = Array.from({ length: size }, (_, i) => from + i);
    response.end(JSON.stringify({ data, nextCursor: from + size < 10 ? String(from + size) : null }));
  });
  expect(await client.list("/v1/x")).toHaveLength(12);
  expect(await client.list("/v1/x", {}, 7)).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

it("tells field and rule of what was refused", async () => {
  const errors = [
    { field: "interval", rule: "must be whole seconds from 1s to 24h" },
    { field: "http.url", rule: "must be an http:// or https:// URL" },
  ];
  const client = await clientOf(json(422, { title: "Unprocessable Entity", status: 422, detail: "…", errors }));
  await expect(client.post("/v1/monitors", {})).rejects.toMatchObject({
    exitCode: 2,
    status: 422,
    message:
      "the coordinator refused it\n" +
      "  interval  must be whole seconds from 1s to 24h\n" +
      "  http.url  must be an http:// or https:// URL",
  });
});

it("takes a wrong token for the caller's fault, and what is not there for an answer", async () => {
  const refusing = await clientOf(json(401, { title: "Unauthorized", status: 401 }));
  await expect(refusing.get("/v1/x")).rejects.toMatchObject({
    exitCode: 2,
    remedy: expect.stringContaining("WATCHPOST_TOKEN"),
  });
  await stop();
  const empty = await clientOf(json(404, { title: "Not Found", status: 404, detail: "There is no monitor x." }));
  await expect(empty.get("/v1/x")).rejects.toMatchObject({ exitCode: 1, message: "There is no monitor x." });
});

it("says when something else answers", async () => {
  const client = await clientOf((_, response) => response.end("<html>"));
  await expect(client.get("/v1/x")).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringMatching(/is not a Watchpost coordinator/),
  });
});

it("gives up at the deadline", async () => {
  const client = await clientOf(() => {}, 100);
  await expect(client.get("/v1/x")).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringContaining("no answer within 0.1 s"),
    remedy: expect.stringContaining("watchpost coordinator"),
  });
});

it("says where it looked when nothing listens", async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const client = createClient({ url, token: "secret", dataDirectory: "." });
  await expect(client.get("/v1/x")).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringMatching(new RegExp(`${url}.*ECONNREFUSED`)),
  });
});

it("asks nobody without a token", async () => {
  let asked = false;
  const server = await serveHttp(() => {
    asked = true;
  });
  stop = server.stop;
  const client = createClient({ url: server.url, token: null, dataDirectory: "data" });
  await expect(client.get("/v1/x")).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining("data/admin-token"),
  });
  expect(asked).toBe(false);
});
