import { describe, expect, test } from "vitest";
import { parseAnchor } from "../../../agent/net/anchor.ts";
import { isGatewayThere, parseGateway } from "../../../agent/net/gateway.ts";

describe("an anchor", () => {
  test.each([
    ["one.example:443", { host: "one.example", port: 443, url: null }],
    ["192.0.2.1:53", { host: "192.0.2.1", port: 53 }],
    ["[2001:db8::1]:53", { host: "2001:db8::1", port: 53 }],
    [
      "https://one.example/alive?x=1",
      { host: "one.example", port: 443, url: new URL("https://one.example/alive?x=1") },
    ],
    ["http://one.example", { host: "one.example", port: 80 }],
    ["http://[2001:db8::1]:8080/", { host: "2001:db8::1", port: 8080 }],
  ])("is read from %s", (text, anchor) => {
    expect(parseAnchor(text)).toMatchObject(anchor);
  });

  test.each([
    "",
    "one.example",
    "one.example:0",
    "one.example:99999",
    "one.example:80/x",
    "https://me:secret@one.example/",
    "::1",
  ])("is not %j, and that is said without quoting it", (text) => {
    expect(() => parseAnchor(text)).toThrow(/^must be host:port or http\(s\) URLs/);
  });
});

describe("the default gateway", () => {
  const head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
  const local = "eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";

  test("is read from the kernel's routes", () => {
    const text = `${head}${local}eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n`;
    expect(parseGateway(text)).toBe("192.168.2.1");
  });

  test.each(["", head + local, `${head}tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n`])(
    "is none where there is none",
    async (text) => {
      expect(parseGateway(text)).toBeNull();
    },
  );

  test("is not judged on machines that do not tell", async () => {
    expect(await isGatewayThere(new AbortController().signal, "/nonexistent")).toBeNull();
  });
});
