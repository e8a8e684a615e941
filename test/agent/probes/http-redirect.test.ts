import { describe, expect, test } from "vitest";
import { type Ask, redirected } from "../../../agent/probes/http-redirect.ts";

const ask = (url: string): Ask => ({
  url: new URL(url),
  method: "GET",
  headers: new Map([
    ["authorization", "Bearer s3cret"],
    ["host", "named.example"],
    ["accept", "*/*"],
  ]),
  body: null,
  confidential: { headers: new Set(), body: false },
});

describe("where a redirect leads", () => {
  test.each([
    ["http://a.example/x", "/y?z", "http://a.example/y?z", true],
    ["http://a.example/x", "https://a.example/", "https://a.example/", true],
    ["http://a.example/x", "https://b.example/", "https://b.example/", false],
    ["http://a.example/x", "//b.example/", "http://b.example/", false],
    ["https://a.example/x", "http://a.example/", "http://a.example/", false],
    ["http://a.example/x", "http://a.example:8080/", "http://a.example:8080/", false],
    ["http://a.example:8080/x", "https://a.example/", "https://a.example/", false],
    ["http://a.example/x", "https://a.example:8443/", "https://a.example:8443/", false],
    ["http://a.example/x", "http://user:pass@a.example/", "http://a.example/", true],
  ])("%s by %s to %s, trusted: %s", (from, location, to, trusted) => {
    const next = redirected(ask(from), 302, location);
    expect(next?.url.href).toBe(to);
    expect([...(next?.headers.keys() ?? [])]).toEqual(trusted ? ["authorization", "host", "accept"] : ["accept"]);
  });

  test.each([
    [200, "/"],
    [300, "/"],
    [304, "/"],
    [305, "/"],
    [302, null],
  ])("status %i with location %s leads nowhere", (statusCode, location) => {
    expect(redirected(ask("http://a.example/"), statusCode, location)).toBeNull();
  });
});
