import { describe, expect, test } from "vitest";
import { judge } from "../../../agent/assertions/index.ts";
import type { Observation } from "../../../agent/net/attempt.ts";
import type { Assertion } from "../../../shared/monitor.ts";

const seen: Observation = {
  latencyMs: 120.5,
  phases: {},
  failure: null,
  address: "192.0.2.1",
  statusCode: 503,
  bodyBytes: 11,
  certificate: undefined,
  body: "hello world",
  header: (name) => ({ "content-type": "text/html", "set-cookie": "sid=s3cret" })[name.toLowerCase()] ?? null,
};

const numeric = (source: "status" | "latencyMs" | "bodyBytes", op: string, value: number) =>
  ({ source, op, value, level: "down" }) as Assertion;
const body = (op: string, value = "") => ({ source: "body", op, value, level: "down" }) as Assertion;
const header = (name: string, op: string, value = "") =>
  ({ source: "header", name, op, value, level: "down" }) as Assertion;

describe("assertions", () => {
  test.each([
    numeric("status", "eq", 503),
    numeric("status", "ne", 200),
    numeric("latencyMs", "lt", 121),
    numeric("latencyMs", "lte", 120.5),
    numeric("latencyMs", "gt", 120),
    numeric("bodyBytes", "gte", 11),
    body("eq", "hello world"),
    body("ne", "x"),
    body("contains", "lo wo"),
    body("not_contains", "bye"),
    body("starts_with", "hello"),
    body("ends_with", "world"),
    body("not_empty"),
    header("Content-Type", "eq", "text/html"),
    header("x-gone", "empty"),
    header("x-gone", "ne", "a"),
    header("x-gone", "not_contains", "a"),
  ])("%o holds", (assertion) => {
    expect(judge([assertion], seen)).toEqual({ status: "up", failed: [] });
  });

  test.each([
    [numeric("status", "eq", 200), "status eq 200: was 503"],
    [numeric("latencyMs", "lt", 100), "latencyMs lt 100: was 120.5"],
    [numeric("bodyBytes", "gt", 11), "bodyBytes gt 11: was 11"],
    [body("contains", "bye"), 'body contains "bye": was 11 bytes'],
    [body("empty"), "body empty: was 11 bytes"],
    [header("content-type", "ends_with", "json"), 'header content-type ends_with "json": was "text/html"'],
    [header("x-gone", "eq", "a"), 'header x-gone eq "a": was absent'],
    [header("x-gone", "not_empty"), "header x-gone not_empty: was absent"],
    [header("set-cookie", "empty"), "header set-cookie empty: was 10 characters"],
  ])("%o fails as people read it", (assertion, text) => {
    expect(judge([assertion], seen)).toEqual({ status: "down", failed: [text] });
  });

  test("the gravest level is the status, whatever the order", () => {
    const slow: Assertion = { source: "latencyMs", op: "lt", value: 1, level: "degraded" };
    const wrong: Assertion = { source: "status", op: "eq", value: 200, level: "down" };
    expect(judge([slow], seen).status).toBe("degraded");
    expect(judge([slow, wrong], seen).status).toBe("down");
    expect(judge([wrong, slow], seen)).toMatchObject({
      status: "down",
      failed: [expect.any(String), expect.any(String)],
    });
  });

  test("what was not seen does not hold", () => {
    const nothing = { ...seen, statusCode: null, bodyBytes: null, body: null, header: null };
    expect(judge([numeric("status", "ne", 200)], nothing).failed).toEqual(["status ne 200: was absent"]);
    expect(judge([body("contains", "a")], nothing).status).toBe("down");
  });

  test("long texts are shortened", () => {
    const [text] = judge([body("contains", "x".repeat(8_192))], seen).failed;
    expect(text?.length).toBeLessThan(500);
  });
});
