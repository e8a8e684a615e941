import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkErrorCodes } from "../../../shared/errors.ts";
import { httpCheck } from "../../support/checks.ts";
import { type Target, tcpTarget } from "../../support/targets.ts";
import { testProbes } from "./support.ts";

/** What one connection of the hostile server does, in order. */
interface Script {
  readonly pieces: readonly Buffer[];
  /** What comes after the pieces. */
  readonly after: "end" | "reset" | "silence" | "destroy";
  /** Speaks before it was asked. */
  readonly early: boolean;
}

const piece = fc.oneof(
  fc
    .constantFrom(
      "HTTP/1.1 200 OK\r\n",
      "HTTP/1.0 200\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
      "HTTP/1.1 103 Early Hints\r\n\r\n",
      "HTTP/1.1 204 No Content\r\n\r\n",
      "HTTP/1.1 302 Found\r\nlocation: http://[\r\n\r\n",
      "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
      "HTTP/1.1 999 \r\n\r\n",
      "HTTP/2 200\r\n\r\n",
      "content-length: 5\r\n",
      "content-length: 99999999999999999999\r\n",
      "transfer-encoding: chunked\r\n",
      "transfer-encoding: gzip, chunked\r\n",
      "connection: close\r\n",
      "connection: keep-alive\r\nkeep-alive: timeout=0\r\n",
      "upgrade: h2c\r\n",
      "content-encoding: gzip\r\n",
      "content-encoding: br, deflate, gzip, gzip\r\n",
      "trailer: x\r\n",
      ": nameless\r\n",
      "x".repeat(70_000),
      "\r\n",
      "5\r\nhello\r\n",
      "ffffffffffffffff\r\n",
      "0\r\n\r\n",
      "0\r\nx-trailer: 1\r\n\r\n",
      "hello",
      "hello".repeat(5_000),
    )
    .map((text) => Buffer.from(text)),
  fc.constant(gzipSync("hello ".repeat(50_000))),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
);

const script: fc.Arbitrary<Script> = fc.record({
  pieces: fc.oneof(
    fc.array(piece, { maxLength: 8 }),
    fc
      .array(piece, { maxLength: 6 })
      .map((rest) => [Buffer.from("HTTP/1.1 200 OK\r\n"), ...rest, Buffer.from("\r\n"), ...rest]),
  ),
  after: fc.constantFrom("end", "reset", "silence", "destroy"),
  early: fc.boolean(),
});

describe("the http probe against a hostile server", () => {
  let target: Target;
  let current: Script;
  const uncaught: unknown[] = [];
  const note = (thrown: unknown) => uncaught.push(thrown);

  beforeAll(async () => {
    process.on("uncaughtExceptionMonitor", note);
    target = await tcpTarget((socket) => {
      const { pieces, after, early } = current;
      const act = async () => {
        for (const bytes of pieces) {
          if (socket.destroyed) return;
          socket.write(bytes);
          await new Promise((resolve) => setImmediate(resolve));
        }
        if (after === "end") socket.end();
        else if (after === "reset") socket.resetAndDestroy();
        else if (after === "destroy") socket.destroy();
      };
      if (early) void act();
      else socket.once("data", act);
    });
  });
  afterAll(async () => {
    process.off("uncaughtExceptionMonitor", note);
    await target.stop();
  });

  test("always settles in time with a known code, and never takes the process down", async () => {
    const probes = testProbes();
    await fc.assert(
      fc.asyncProperty(script, fc.constantFrom("GET", "HEAD", "POST"), async (next, method) => {
        current = next;
        const body = method === "POST" ? "x".repeat(1_000) : null;
        const seen = await probes.http(
          httpCheck(`http://127.0.0.1:${target.port}/`, { method, body, maxBodyBytes: 20_000, timeoutMs: 60 }),
        );
        expect(seen.latencyMs).toBeLessThan(3_000);
        if (seen.failure) {
          expect(checkErrorCodes).toContain(seen.failure.code);
          expect(seen.failure.code).not.toBe("agent_internal");
          expect(seen.failure.message).not.toMatch(/\n/);
        }
        expect(uncaught).toEqual([]);
      }),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 200) },
    );
  });
});
