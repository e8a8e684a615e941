import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { candidates, createResolve, parseHosts, parseSearch, type Resolve } from "../../../agent/net/resolve.ts";
import { testDnsServer } from "../../support/dns-server.ts";
import { tempDir } from "../../support/temp-dir.ts";

describe("resolving", () => {
  let dns: Awaited<ReturnType<typeof testDnsServer>>;
  let dir: Awaited<ReturnType<typeof tempDir>>;
  let resolve: Resolve;

  beforeAll(async () => {
    dns = await testDnsServer({
      "both.example": ["192.0.2.1", "192.0.2.2", "2001:db8::1"],
      "four.example": ["192.0.2.4"],
      "six.example": ["2001:db8::6"],
      "gone.example": "NXDOMAIN",
      "empty.example": [],
      "broken.example": "SERVFAIL",
      "half.example": { a: ["192.0.2.5"], aaaa: "silence" },
      "halfbroken.example": { a: [], aaaa: "SERVFAIL" },
      "db.corp.example": ["192.0.2.7"],
    });
    dir = await tempDir();
    await writeFile(join(dir.path, "hosts"), "192.0.2.99 both.example # pinned\n192.0.2.50 file.example alias\n");
    await writeFile(join(dir.path, "resolv.conf"), "search corp.example\noptions ndots:1\n");
    resolve = createResolve({
      servers: [dns.address],
      hostsPath: "/nonexistent",
      configPath: join(dir.path, "resolv.conf"),
    });
  });
  afterAll(async () => {
    await dns.stop();
    await dir.remove();
  });

  test("an address is its own, without a question", async () => {
    const before = dns.asked.length;
    expect(await resolve("192.0.2.9", "any")).toEqual(["192.0.2.9"]);
    expect(await resolve("::1", "6")).toEqual(["::1"]);
    await expect(resolve("::1", "4")).rejects.toMatchObject({ code: "dns_not_found" });
    expect(dns.asked).toHaveLength(before);
  });

  test("gives IPv6 and IPv4 by turns, or only the family that is wanted", async () => {
    const any = await resolve("both.example", "any");
    expect(any[0]).toBe("2001:db8::1");
    expect(any.slice(1).sort()).toEqual(["192.0.2.1", "192.0.2.2"]);
    expect(await resolve("both.example", "6")).toEqual(["2001:db8::1"]);
    expect(await resolve("four.example", "any")).toEqual(["192.0.2.4"]);
    expect(await resolve("six.example", "any")).toEqual(["2001:db8::6"]);
  });

  test.each([
    ["gone.example", "any", "ENOTFOUND"],
    ["empty.example", "any", "ENODATA"],
    ["four.example", "6", "ENODATA"],
    ["broken.example", "any", "ESERVFAIL"],
    ["halfbroken.example", "any", "ESERVFAIL"],
  ] as const)("%s for family %s fails with %s", async (name, family, code) => {
    await expect(resolve(name, family)).rejects.toMatchObject({ code });
  });

  test("does not wait for a family whose question is never answered", async () => {
    expect(await resolve("half.example", "any")).toEqual(["192.0.2.5"]);
    // It is asked again after 2 s, and a third time.
    expect(dns.asked.filter((question) => question === "AAAA half.example")).toHaveLength(1);
  });

  test("asks anew for every check", async () => {
    const before = dns.asked.length;
    for (let round = 0; round < 3; round++) await resolve("four.example", "4");
    expect(dns.asked.slice(before)).toEqual(Array(3).fill("A four.example"));
  });

  test("follows the search list for short names only", async () => {
    expect(await resolve("db", "4")).toEqual(["192.0.2.7"]);
    await expect(resolve("gone.example", "4")).rejects.toMatchObject({ code: "ENOTFOUND" });
    expect(dns.asked).not.toContain("A gone.example.corp.example");
  });

  test("takes the hosts file before the name servers", async () => {
    const withHosts = createResolve({ servers: [dns.address], hostsPath: join(dir.path, "hosts") });
    expect(await withHosts("Both.Example", "any")).toEqual(["192.0.2.99"]);
    expect(await withHosts("both.example", "6")).toEqual(["2001:db8::1"]);
    expect(await withHosts("alias", "any")).toEqual(["192.0.2.50"]);
    expect(await withHosts("localhost", "4")).toEqual(["127.0.0.1"]);
  });
});

test("the names to ask for follow resolv.conf(5)", () => {
  expect(candidates("web", ["a.example", "b.example"], 1)).toEqual(["web.a.example", "web.b.example", "web"]);
  expect(candidates("shop.example", ["a.example"], 1)).toEqual(["shop.example"]);
  expect(candidates("svc.ns", ["svc.cluster.local"], 5)).toEqual(["svc.ns.svc.cluster.local", "svc.ns"]);
  expect(candidates("web.", ["a.example"], 1)).toEqual(["web"]);
});

test("reads resolv.conf", () => {
  expect(
    parseSearch("nameserver 1.1.1.1\ndomain old.example\nsearch a.example. b.example # c\noptions edns0 ndots:3\n"),
  ).toEqual({
    search: ["a.example", "b.example"],
    ndots: 3,
  });
  expect(parseSearch("")).toEqual({ search: [], ndots: 1 });
});

test("reads hosts", () => {
  const hosts = parseHosts("# c\n127.0.0.1 localhost\n::1 localhost ip6-localhost\nnonsense x\n10.0.0.1\tDB db2#x\n");
  expect(hosts.get("localhost")).toEqual(["127.0.0.1", "::1"]);
  expect(hosts.get("db")).toEqual(["10.0.0.1"]);
  expect(hosts.get("db2")).toEqual(["10.0.0.1"]);
  expect(hosts.has("x")).toBe(false);
  expect(parseHosts("").get("localhost")).toEqual(["127.0.0.1", "::1"]);
});
