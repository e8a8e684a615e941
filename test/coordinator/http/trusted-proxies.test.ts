import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { createTrustedProxies, parseProxies } from "../../../coordinator/http/trusted-proxies.ts";

const addressOf = (proxies: string | null, remoteAddress: string, forwarded?: string) =>
  createTrustedProxies(proxies === null ? null : parseProxies(proxies)).addressOf({
    headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded },
    socket: { remoteAddress } as Socket,
  });

test.each([
  ["nobody is trusted", null, "127.0.0.1", "9.9.9.9", "127.0.0.1"],
  ["the proxy is trusted", "127.0.0.1", "127.0.0.1", "9.9.9.9", "9.9.9.9"],
  ["the proxy is trusted, on a socket for both families", "127.0.0.1", "::ffff:127.0.0.1", "9.9.9.9", "9.9.9.9"],
  ["somebody else says where he comes from", "127.0.0.1", "8.8.8.8", "9.9.9.9", "8.8.8.8"],
  ["what was there before the proxy appended is not believed", "127.0.0.1", "127.0.0.1", "1.1.1.1, 9.9.9.9", "9.9.9.9"],
  ["two proxies are trusted", "127.0.0.1,10.0.0.0/8", "127.0.0.1", "1.1.1.1, 9.9.9.9, 10.2.3.4", "9.9.9.9"],
  ["IPv6", "::1,fd00::/8", "::1", "2001:db8::1, fd00::7", "2001:db8::1"],
  ["the proxy says nothing", "127.0.0.1", "127.0.0.1", undefined, "127.0.0.1"],
  ["the proxy says nonsense", "127.0.0.1", "127.0.0.1", "unknown", "127.0.0.1"],
])("%s", (_, proxies, remote, forwarded, address) => {
  expect(addressOf(proxies, remote, forwarded)).toBe(address);
});

test.each(["proxy.example", "10.0.0.0/33", "10.0.0.0/x", "10.0.0.0/8/8", "", "127.0.0.1,"])("%j is refused", (text) => {
  expect(() => parseProxies(text)).toThrow(/^must be addresses and networks/);
});
