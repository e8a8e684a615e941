import { describe, expect, test } from "vitest";
import { matches, sorted } from "../../../coordinator/dashboard/order.ts";
import { everyRegion, regionState, regionsOf } from "../../../coordinator/dashboard/region-state.ts";
import { parseHostAndPort } from "../../../coordinator/dashboard/target.ts";
import { assertionInWords, errorInWords, targetOf, verdictOrder } from "../../../coordinator/dashboard/words.ts";
import type { MonitorRow } from "../../../coordinator/http/api-types.ts";
import { formatSpan } from "../../../coordinator/quantities.ts";
import { verdicts } from "../../../coordinator/verdict/verdict.ts";

const now = Date.parse("2026-01-31T12:00:00Z");
const up = { status: "up", latencyMs: 5, statusCode: 200, address: null, error: null } as const;
const seen = (agoMs: number) => ({ ...up, lastCheckAt: new Date(now - agoMs).toISOString() });

function aRow(changes: Partial<MonitorRow> = {}): MonitorRow {
  return {
    id: "mon_a",
    name: "A",
    type: "tcp",
    tcp: { host: "db.example", port: 5432 },
    interval: "30s",
    timeout: "10s",
    regions: "all",
    enabled: true,
    status: { verdict: "up", since: new Date(now).toISOString(), regions: {} },
    ...changes,
  } as MonitorRow;
}

const withVerdict = (name: string, verdict: MonitorRow["status"]["verdict"]) =>
  aRow({ id: name, name, status: { ...aRow().status, verdict } });

test("those that need people come first, and names sort as people count", () => {
  const rows = [
    withVerdict("web 10", "up"),
    withVerdict("web 2", "up"),
    withVerdict("off", "paused"),
    withVerdict("b", "down"),
    withVerdict("c", "unknown"),
    withVerdict("a", "degraded"),
  ];
  expect(sorted(rows).map(({ name }) => name)).toEqual(["b", "a", "c", "web 2", "web 10", "off"]);
  expect(verdictOrder.toSorted()).toEqual(verdicts.toSorted());
});

test("a filter finds every of its words in name, tags, target, type and verdict", () => {
  const row = { ...withVerdict("Checkout", "down"), tags: ["prod", "shop-floor"] };
  for (const filter of ["", " ", "check", "DB.EXAMPLE", "5432", "tcp", "down checkout", "prod", "FLOOR down"]) {
    expect([filter, matches(row, filter)]).toEqual([filter, true]);
  }
  for (const filter of ["http", "checkout up", "zebra"])
    expect([filter, matches(row, filter)]).toEqual([filter, false]);
});

describe("what a region says", () => {
  const known = new Set(["eu", "us"]);

  test("counts for two intervals and the timeout, as it does for the verdict", () => {
    const row = (agoMs: number) => aRow({ status: { ...aRow().status, regions: { eu: seen(agoMs) } } });
    expect(regionState(row(69_000), "eu", known, now)).toMatchObject({ kind: "fresh", last: { latencyMs: 5 } });
    expect(regionState(row(70_000), "eu", known, now)).toMatchObject({ kind: "stale", last: { latencyMs: 5 } });
  });

  test("is awaited where it is to check, and nothing where it is not", () => {
    expect(regionState(aRow(), "eu", known, now).kind).toBe("awaited");
    expect(regionState(aRow(), "ap", known, now).kind).toBe("none");
    expect(regionState(aRow({ regions: ["ap"] }), "ap", known, now).kind).toBe("awaited");
    expect(regionState(aRow({ regions: ["us"] }), "eu", known, now).kind).toBe("none");
    const status = { ...aRow().status, regions: { eu: seen(0) } };
    expect(regionState(aRow({ enabled: false, status }), "eu", known, now).kind).toBe("none");
  });

  test("is not to be had from a region that a monitor names and where no agent is", () => {
    const seenRegions = [
      { region: "eu", agents: { online: 1, taking: 1, total: 1 }, lastResultAt: null, impaired: null, troubles: [] },
    ];
    expect(everyRegion(seenRegions, [aRow(), aRow({ regions: ["eu", "ap"] })])).toEqual([
      { region: "ap", agents: { online: 0, taking: 0, total: 0 }, lastResultAt: null, impaired: null, troubles: [] },
      ...seenRegions,
    ]);
  });

  test("is asked of the monitor's regions, and of those that reported before they were left out", () => {
    const regions = { eu: seen(0) };
    expect(regionsOf(aRow(), ["us", "ap"])).toEqual(["ap", "us"]);
    expect(regionsOf(aRow({ regions: ["us"], status: { ...aRow().status, regions } }), ["us", "ap"])).toEqual([
      "eu",
      "us",
    ]);
  });
});

test.each([
  ["db.example:5432", { host: "db.example", port: 5432 }],
  [" 127.0.0.1:80 ", { host: "127.0.0.1", port: 80 }],
  ["[2001:db8::1]:443", { host: "2001:db8::1", port: 443 }],
  ["db:99999", { host: "db", port: 99_999 }],
  [":80", { host: "", port: 80 }],
  ["db", null],
  ["db:", null],
  ["db:http", null],
  ["2001:db8::1:443", null],
  ["", null],
])("%j is the host and port %j", (text, parsed) => {
  expect(parseHostAndPort(text)).toEqual(parsed);
});

test("a target is written as it is read", () => {
  expect(targetOf(aRow())).toBe("db.example:5432");
  expect(targetOf(aRow({ tcp: { host: "::1", port: 80 } } as Partial<MonitorRow>))).toBe("[::1]:80");
});

test.each([
  [0, "0 s"],
  [-5, "0 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [250_000, "4 min 10 s"],
  [3_600_000, "1 h"],
  [11_100_000, "3 h 5 min"],
  [187_200_000, "2 d 4 h"],
])("%d ms is a span of %s", (ms, text) => {
  expect(formatSpan(ms)).toBe(text);
});

test("error codes and assertions have words", () => {
  expect(errorInWords("connect_refused", null)).toBe("connection refused");
  expect(errorInWords("http_status", 503)).toBe("status 503");
  expect(errorInWords("code_of_tomorrow", null)).toBe("code_of_tomorrow");
  expect(assertionInWords({ source: "latencyMs", op: "lt", value: 800, level: "degraded" })).toBe(
    "latency < 800 ms, else degraded",
  );
  expect(assertionInWords({ source: "header", name: "etag", op: "not_empty", level: "down" })).toBe(
    "header etag is not empty, else down",
  );
  expect(assertionInWords({ source: "body", op: "contains", value: "ok", level: "down" })).toBe(
    "body contains “ok”, else down",
  );
});
