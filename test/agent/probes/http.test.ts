import { once } from "node:events";
import type { IncomingMessage, RequestListener } from "node:http";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Probes } from "../../../agent/probes/probe.ts";
import { httpCheck } from "../../support/checks.ts";
import { hangingTarget, httpTarget, rawTarget, type Target, tcpTarget } from "../../support/targets.ts";
import { testProbes } from "./support.ts";

describe("the http probe", () => {
  let probes: Probes;
  const targets: Target[] = [];
  beforeAll(() => {
    probes = testProbes();
  });
  afterEach(async () => {
    await Promise.all(targets.splice(0).map((target) => target.stop()));
  });

  type Options = Parameters<typeof httpCheck>[1];
  const check = (url: string, options?: Options) => probes.http(httpCheck(url, options));
  async function serve(listener: RequestListener): Promise<string> {
    return origin(await httpTarget(listener));
  }
  function origin(target: Target): string {
    targets.push(target);
    return `http://127.0.0.1:${target.port}`;
  }
  async function raw(bytes: string | Buffer, options?: { end?: boolean }): Promise<string> {
    return origin(await rawTarget(bytes, options));
  }

  describe("the request", () => {
    async function received(options?: Options): Promise<IncomingMessage & { body: string }> {
      let seen: IncomingMessage | undefined;
      let body = "";
      const url = await serve((request, response) => {
        seen = request;
        request.on("data", (chunk) => {
          body += chunk;
        });
        request.on("end", () => response.end());
      });
      expect((await check(`${url}/path?q=1#part`, options)).failure).toBeNull();
      return Object.assign(seen as IncomingMessage, { body });
    }

    test("says who asks and what can be read", async () => {
      const { method, url, headers } = await received();
      expect({ method, url }).toEqual({ method: "GET", url: "/path?q=1" });
      expect(headers).toMatchObject({
        "user-agent": "Watchpost/1.2.3",
        accept: "*/*",
        "accept-encoding": "gzip, deflate, br",
        connection: "close",
      });
      expect(headers.host).toMatch(/^127\.0\.0\.1:\d+$/);
    });

    test("carries the monitor's method, body and headers in place of the usual ones", async () => {
      const headers = { "User-Agent": "me", Host: "shop.example", "X-Word": "naïve ☃" };
      const request = await received({ method: "POST", body: "hällo", headers });
      expect(request.method).toBe("POST");
      expect(request.body).toBe("hällo");
      expect(request.headers).toMatchObject({ "user-agent": "me", host: "shop.example", "content-length": "6" });
      expect(Buffer.from(request.headers["x-word"] as string, "latin1").toString("utf8")).toBe("naïve ☃");
    });

    test("says that there is no body where one is usual", async () => {
      expect((await received({ method: "POST" })).headers).toMatchObject({ "content-length": "0" });
      expect((await received({ method: "DELETE" })).headers).not.toHaveProperty("content-length");
    });

    test("is not sent when a header would break out of its line", async () => {
      let requests = 0;
      const url = await serve((_request, response) => {
        requests++;
        response.end();
      });
      for (const headers of [{ "x-a": "b\r\nx-c: d" }, { "x-a\r\nx-c": "d" }] as Record<string, string>[]) {
        expect((await check(url, { headers })).failure?.code).toBe("agent_internal");
      }
      expect(requests).toBe(0);
    });

    test("can be a HEAD, whose response has no body", async () => {
      const url = await serve((_request, response) => response.writeHead(200, { "content-length": "1000" }).end());
      expect(await check(url, { method: "HEAD" })).toMatchObject({ failure: null, statusCode: 200, bodyBytes: 0 });
    });
  });

  describe("the verdict", () => {
    test.each([
      [200, null],
      [204, null],
      [399, null],
      [400, "http_status"],
      [503, "http_status"],
    ])("of status %i without an assertion on it is %s", async (status, code) => {
      const url = await serve((_request, response) => response.writeHead(status).end());
      const seen = await check(url);
      expect(seen.statusCode).toBe(status);
      expect(seen.failure?.code ?? null).toBe(code);
    });

    test("leaves the status to an assertion where there is one", async () => {
      const url = await serve((_request, response) => response.writeHead(503).end());
      const assertions = [{ source: "status", op: "eq", value: 503, level: "down" }] as const;
      expect((await check(url, { assertions })).failure).toBeNull();
    });

    test("takes the final response after informational ones", async () => {
      const url = await raw(
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
      );
      expect(await check(url)).toMatchObject({ failure: null, statusCode: 200, bodyBytes: 2 });
    });
  });

  describe("the body", () => {
    const reading = [{ source: "body", op: "not_empty", value: "", level: "down" }] as const;
    const text = "Grüße ".repeat(2_000);

    test.each([
      ["gzip", gzipSync(text)],
      ["x-gzip", gzipSync(text)],
      ["deflate", deflateSync(text)],
      ["deflate", deflateRawSync(text)],
      ["br", brotliCompressSync(text)],
      ["gzip, br", brotliCompressSync(gzipSync(text))],
      ["identity", Buffer.from(text)],
      ["constructor", Buffer.from(text)],
    ])("is read through %s", async (encoding, body) => {
      const url = await serve((_request, response) =>
        response.writeHead(200, { "content-encoding": encoding }).end(body),
      );
      const seen = await check(url, { assertions: reading });
      expect(seen.failure).toBeNull();
      expect(seen.bodyBytes).toBe(Buffer.byteLength(text));
      expect(seen.body).toBe(text);
    });

    test("is read in the charset it names", async () => {
      const type = "text/html; charset=ISO-8859-1";
      const url = await serve((_request, response) =>
        response.writeHead(200, { "content-type": type }).end(Buffer.from("Grüße", "latin1")),
      );
      expect((await check(url, { assertions: reading })).body).toBe("Grüße");
    });

    test("is cut off at the cap, with the connection", async () => {
      let closed: Promise<unknown> | undefined;
      const url = await serve((_request, response) => {
        closed = once(response, "close");
        const more = () => response.write("x".repeat(10_000)) && setImmediate(more);
        response.on("drain", more);
        more();
      });
      const seen = await check(url, { maxBodyBytes: 25_000, assertions: reading });
      expect(seen).toMatchObject({ failure: null, bodyBytes: 25_000 });
      expect(seen.body).toHaveLength(25_000);
      await closed;
    });

    test("is cut off at the cap after decompression: a bomb of 1 GB costs nothing", async () => {
      const megabyte = gzipSync(Buffer.alloc(1_048_576));
      const url = await serve((_request, response) => {
        response.writeHead(200, { "content-encoding": "gzip" });
        for (let index = 0; index < 1_000; index++) response.write(megabyte);
        response.end();
      });
      expect(await check(url, { maxBodyBytes: 100_000 })).toMatchObject({ failure: null, bodyBytes: 100_000 });
    });

    test("is not waited for when none of it is wanted", async () => {
      const url = await serve((_request, response) => void response.writeHead(200).write("first"));
      expect(await check(url, { maxBodyBytes: 0 })).toMatchObject({ failure: null, bodyBytes: 0 });
    });

    test.each([
      ["is not what its encoding says", Buffer.from("plain text")],
      ["ends too early for its encoding", gzipSync(text).subarray(0, 60)],
    ])("that %s is an error of its own", async (_what, body) => {
      const url = await serve((_request, response) =>
        response.writeHead(200, { "content-encoding": "gzip" }).end(body),
      );
      const seen = await check(url);
      expect(seen.failure?.code).toBe("http_bad_encoding");
      expect(seen.statusCode).toBe(200);
    });
  });

  describe("redirects", () => {
    test("are followed to the last response, and the phases of all hops add up", async () => {
      const url = await serve((request, response) => {
        if (request.url === "/end") return response.end("there");
        const next = request.url === "/" ? "/middle" : "/end";
        setTimeout(() => response.writeHead(302, { location: next }).end("moved"), 60);
      });
      const seen = await check(url);
      expect(seen).toMatchObject({ failure: null, statusCode: 200, bodyBytes: 5 });
      expect(seen.phases.firstByteMs).toBeGreaterThanOrEqual(118);
      const sum = Object.values(seen.phases).reduce((total, ms) => total + ms, 0);
      expect(sum).toBeCloseTo(seen.latencyMs, 2);
    });

    test("are not followed when none are wanted", async () => {
      const url = await serve((_request, response) => response.writeHead(301, { location: "/loop" }).end());
      expect(await check(url, { maxRedirects: 0 })).toMatchObject({ failure: null, statusCode: 301 });
    });

    test("end at the limit", async () => {
      let requests = 0;
      const url = await serve((_request, response) => {
        requests++;
        response.writeHead(302, { location: "/loop" }).end();
      });
      const seen = await check(url, { maxRedirects: 3 });
      expect(seen.failure?.code).toBe("http_too_many_redirects");
      expect(requests).toBe(4);
    });

    test.each(["ftp://127.0.0.1/", "http://", "javascript:alert(1)"])("to %s lead nowhere", async (location) => {
      const url = await serve((_request, response) => response.writeHead(302, { location }).end());
      expect((await check(url)).failure?.code).toBe("http_bad_redirect");
    });

    test("to a forbidden address are not followed", async () => {
      const url = await serve((_request, response) =>
        response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data/" }).end(),
      );
      const seen = await check(url);
      expect(seen.failure?.code).toBe("address_forbidden");
      expect(seen.address).toBe("169.254.169.254");
    });

    test("to another origin carry no credentials; within one they do", async () => {
      const seen: Record<string, unknown>[] = [];
      const other = await serve((request, response) => {
        seen.push(request.headers);
        response.end();
      });
      const url = await serve((request, response) => {
        seen.push(request.headers);
        response.writeHead(302, { location: request.url === "/" ? "/again" : `${other}/` }).end();
      });
      const headers = { authorization: "Bearer s3cret", cookie: "a=b", "x-api-key": "k", "x-tier": "gold" };
      expect((await check(url, { headers })).failure).toBeNull();
      expect(seen).toHaveLength(3);
      expect(seen[1]).toMatchObject(headers);
      expect(seen[2]).toMatchObject({ "x-tier": "gold" });
      for (const name of ["authorization", "cookie", "x-api-key"]) expect(seen[2]).not.toHaveProperty(name);
    });

    test.each([
      [303, "POST", "GET", ""],
      [302, "POST", "GET", ""],
      [301, "PUT", "PUT", "body"],
      [307, "POST", "POST", "body"],
      [308, "POST", "POST", "body"],
      [303, "HEAD", "HEAD", ""],
    ] as const)("by %i turn a %s into a %s", async (status, method, method2, body2) => {
      let final: { method: string | undefined; body: string } | undefined;
      const url = await serve((request, response) => {
        let body = "";
        request.on("data", (chunk) => {
          body += chunk;
        });
        request.on("end", () => {
          if (request.url === "/") return response.writeHead(status, { location: "/next" }).end();
          final = { method: request.method, body };
          return response.end();
        });
      });
      const body = method === "HEAD" ? null : "body";
      expect((await check(url, { method, body, headers: { "content-type": "text/plain" } })).failure).toBeNull();
      expect(final).toEqual({ method: method2, body: body2 });
    });
  });

  describe("failures", () => {
    test("of a target that takes the request and is silent", async () => {
      const seen = await check(origin(await hangingTarget()), { timeoutMs: 200 });
      expect(seen.failure).toEqual({ code: "http_timeout", message: "no response within 200ms" });
      expect(seen.phases.firstByteMs).toBeGreaterThanOrEqual(150);
      expect(seen.phases).not.toHaveProperty("transferMs");
    });

    test("of a body that never ends", async () => {
      const url = await raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
      const seen = await check(url, { timeoutMs: 200 });
      expect(seen.failure?.code).toBe("http_timeout");
      expect(seen).toMatchObject({ statusCode: 200, bodyBytes: 4 });
      expect(seen.phases.transferMs).toBeGreaterThanOrEqual(150);
    });

    test.each([
      ["a connection closed before the response", "", "http_reset"],
      ["a connection closed amid the headers", "HTTP/1.1 200 OK\r\ncontent-", "http_reset"],
      ["a connection closed amid the body", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", "http_reset"],
      [
        "a connection closed amid a chunk",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nhalf",
        "http_reset",
      ],
      ["another protocol", "220 mail.example ESMTP\r\n", "http_protocol"],
      ["a malformed chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "http_protocol"],
      ["huge headers", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(70_000)}\r\n\r\n`, "http_protocol"],
    ])("of %s", async (_what, bytes, code) => {
      expect((await check(await raw(bytes, { end: true }))).failure?.code).toBe(code);
    });

    test("of a connection that is reset", async () => {
      const url = origin(await tcpTarget((socket) => socket.once("data", () => socket.resetAndDestroy())));
      expect((await check(url)).failure?.code).toBe("http_reset");
    });

    test("leave nothing behind for the next check", async () => {
      const rubbish = await raw("rubbish\r\n\r\n", { end: true });
      const hanging = origin(await hangingTarget());
      const good = await serve((_request, response) => response.end("fine"));
      const mixed = Array.from({ length: 20 }, (_, index) => [
        check(rubbish),
        check(hanging, { timeoutMs: 100 + index * 5 }),
        check(good),
      ]);
      const seen = await Promise.all(mixed.flat());
      for (const [index, { failure }] of seen.entries()) {
        expect(failure?.code ?? null).toBe(["http_protocol", "http_timeout", null][index % 3]);
      }
      const later = await Promise.all(Array.from({ length: 60 }, () => check(good)));
      expect(later.every(({ failure, bodyBytes }) => failure === null && bodyBytes === 4)).toBe(true);
    });
  });

  test("speaks IPv6", async () => {
    const target = await httpTarget((_request, response) => response.end("six"), undefined, "::1");
    targets.push(target);
    const seen = await check(`http://[::1]:${target.port}/`, { ipVersion: "6" });
    expect(seen).toMatchObject({ failure: null, address: "::1", bodyBytes: 3 });
    expect((await check(`http://[::1]:${target.port}/`, { ipVersion: "4" })).failure?.code).toBe("dns_not_found");
  });
});
