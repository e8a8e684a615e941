import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { type Canaries, createCanaries } from "../../agent/canaries.ts";
import { type Anchor, parseAnchor } from "../../agent/net/anchor.ts";
import { createResolve } from "../../agent/net/resolve.ts";
import { createLogger } from "../../shared/logger.ts";
import { type DnsAnswer, testDnsServer } from "../support/dns-server.ts";
import { until } from "../support/until.ts";

const ends: Array<() => unknown> = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A place that answers requests, until it is told to keep silent. */
async function anchor(): Promise<Anchor & { silent: boolean }> {
  const place = { silent: false };
  const server: Server = createServer((_, response) => {
    if (!place.silent) response.writeHead(503).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return Object.assign(place, parseAnchor(`http://127.0.0.1:${port}/alive`));
}

async function canaries({
  anchors = [],
  coordinatorHost = "127.0.0.1",
  names = {},
  gateway = async () => null,
}: {
  anchors?: readonly Anchor[];
  coordinatorHost?: string;
  names?: Record<string, DnsAnswer>;
  gateway?: () => Promise<boolean | null>;
}): Promise<Canaries> {
  const dns = await testDnsServer(names);
  const made = createCanaries({
    resolve: createResolve({ servers: [dns.address], hostsPath: "/dev/null", configPath: "/dev/null" }),
    anchors,
    coordinatorHost,
    isGatewayThere: gateway,
    monotonic: () => performance.now(),
    logger: createLogger({ level: "silent", name: "test" }),
    deadlineMs: 200,
  });
  ends.push(dns.stop, made.stop);
  return made;
}

describe("an agent's canaries", () => {
  test("are well when nothing is known that speaks against the network", async () => {
    const own = await canaries({});
    expect(own.failing).toBeNull();
    expect(await own.ask()).toEqual([]);
    expect(own.failing).toEqual([]);
  });

  test("fail when no anchor answers, and not while one does", async () => {
    const [one, other] = [await anchor(), await anchor()];
    const own = await canaries({ anchors: [one, other] });
    one.silent = true;
    expect(await own.ask()).toEqual([]);
    other.silent = true;
    const names = [`anchor ${one.name}`, `anchor ${other.name}`];
    await until(own.ask, (failing) => failing.length === 2);
    expect(await own.ask()).toEqual(names);
    // Two runs in a row say so to others.
    await until(
      () => own.failing,
      (failing) => failing?.length === 2,
    );
    one.silent = false;
    await until(
      () => own.ask(),
      (failing) => failing.length === 0,
    );
    expect(own.failing).toEqual([]);
  });

  test("are said to fail after two runs in a row only, of which the second comes by itself", async () => {
    const place = await anchor();
    place.silent = true;
    const own = await canaries({ anchors: [place] });
    expect(await own.ask()).toHaveLength(1);
    expect(own.failing).toBeNull();
    await until(
      () => own.failing,
      (failing) => failing?.length === 1,
      { withinMs: 5_000 },
    );
  });

  test("take the refusal of a port for an answer", async () => {
    const place = await anchor();
    const own = await canaries({ anchors: [parseAnchor(place.name), parseAnchor("127.0.0.1:1")] });
    expect(await own.ask()).toEqual([]);
  });

  test.each<[DnsAnswer, readonly string[]]>([
    [["127.0.0.1"], []],
    ["NXDOMAIN", []],
    ["SERVFAIL", ["resolver"]],
    ["silence", ["resolver"]],
  ])("ask the resolver for the coordinator's name: %s", async (answer, failing) => {
    const own = await canaries({ coordinatorHost: "hub.example", names: { "hub.example": answer } });
    expect(await own.ask()).toEqual(failing);
  });

  test("hold a gateway for gone only when it is known to be", async () => {
    let there: boolean | null = null;
    const own = await canaries({ gateway: async () => there });
    expect(await own.ask()).toEqual([]);
    there = false;
    await until(own.ask, (failing) => failing.includes("gateway"));
    there = true;
    await until(own.ask, (failing) => failing.length === 0);
  });

  test("are asked once for many checks that fail together", async () => {
    let asked = 0;
    const own = await canaries({
      gateway: async () => {
        asked++;
        return null;
      },
    });
    await Promise.all(Array.from({ length: 50 }, () => own.ask()));
    await own.ask();
    expect(asked).toBe(1);
  });
});
