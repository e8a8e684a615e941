import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { startTestCoordinator } from "../../support/coordinator.ts";

let coordinator: TestCoordinator;
beforeAll(async () => {
  coordinator = await startTestCoordinator();
  if ((await get("/")).status !== 200) throw new Error("These tests look at the built page: npm run build");
});
afterAll(() => coordinator?.stop());

/** Sends the path as it is: `fetch` would tidy it up. */
async function get(path: string, headers: Record<string, string> = {}, method = "GET") {
  const sent = request(coordinator.url, { path, headers, method });
  sent.end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  let body = "";
  for await (const chunk of response.setEncoding("utf8")) body += chunk;
  return { status: response.statusCode, headers: response.headers, body };
}

/** The page, and what it names. */
async function everyAsset(): Promise<Map<string, Awaited<ReturnType<typeof get>>>> {
  const page = await get("/");
  const named = [...page.body.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, name]) => name as string);
  const assets = await Promise.all(named.map(async (name) => [name, await get(name)] as const));
  return new Map([["/", page], ...assets]);
}

test("the icon says how many monitors are down, and takes nothing but a number", async () => {
  const icon = async (query: string) => (await get(`/icon.svg${query}`)).body;
  expect((await get("/icon.svg?down=3")).headers).toMatchObject({
    "content-type": expect.stringContaining("image/svg+xml"),
    "content-security-policy": expect.stringContaining("default-src 'none'"),
  });
  expect(await icon("?down=3")).toContain(">3</text>");
  expect(await icon("?down=1007")).toContain(">99+</text>");
  for (const query of ["", "?down=0", "?down=-1", "?down=1.5", "?down=%3Cscript%3E", "?down=1&down=2"])
    expect([query, (await get(`/icon.svg${query}`)).status]).toEqual([query, 422]);
});

test("the page and all it is made of are served without a token, under a strict policy", async () => {
  const assets = await everyAsset();
  expect([...assets.keys()].sort()).toEqual(["/", "/assets/icon.svg", "/assets/main.css", "/assets/main.js"]);
  const types = { "": "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
  for (const [path, { status, headers }] of assets) {
    const type = types[(/\.(\w+)$/.exec(path)?.[1] ?? "") as keyof typeof types];
    expect([path, status, headers["content-type"]]).toEqual([path, 200, expect.stringContaining(type)]);
    expect(headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-cache",
      etag: expect.stringMatching(/^"[\w-]{22}"$/),
    });
    const policy = String(headers["content-security-policy"]);
    expect(policy.split("; ")).toEqual(
      expect.arrayContaining(["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"]),
    );
    expect(policy).not.toContain("unsafe");
  }
});

test("the page has no script or style inline", async () => {
  const { body } = await get("/");
  expect(body).not.toMatch(/<style|<script>|<script(?![^>]*\bsrc=)|\s(style|on\w+)=/);
});

test("what a browser has is not sent again, and what changed is", async () => {
  const { headers } = await get("/");
  const etag = headers.etag as string;
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
    expect(await get("/", { "if-none-match": known })).toMatchObject({ status: 304, body: "", headers: { etag } });
  }
  expect(await get("/", { "if-none-match": '"other"' })).toMatchObject({ status: 200 });
  expect(await get("/", {}, "HEAD")).toMatchObject({ status: 200, body: "", headers: { etag } });
});

describe("no way leads from the open paths to anything else", () => {
  test.each([
    "/assets/",
    "/assets/coordinator/",
    "/assets/tsconfig.json",
    "/assets/coordinator/main.js",
    "/assets/../v1/monitors",
    "/assets/%2e%2e/v1/monitors",
    "/assets/..%2f..%2fpackage.json",
    "/assets/../main.js",
    "/assets/__proto__",
  ])("%s is not found", async (path) => {
    expect((await get(path)).status).toBe(404);
  });

  test.each(["//v1/monitors", "/v1/monitors", "/v1/monitors?/assets/", "/assets", "/nothing"])(
    "%s wants a token",
    async (path) => {
      expect((await get(path)).status).toBe(401);
    },
  );

  test("other methods want a token", async () => {
    expect((await get("/", {}, "POST")).status).toBe(401);
    expect((await get("/assets/main.js", {}, "PUT")).status).toBe(401);
  });
});
