import { createSecureContext } from "node:tls";
import { createAddressPolicy } from "../../../agent/net/address-policy.ts";
import { createResolve } from "../../../agent/net/resolve.ts";
import { createProbes } from "../../../agent/probes/index.ts";
import type { Probes } from "../../../agent/probes/probe.ts";

/** The real probes, with loopback allowed unless told otherwise. */
export function testProbes(
  options: { allowPrivate?: boolean; dnsServer?: string; authority?: string; maxBodyBytes?: number } = {},
): Probes {
  const { allowPrivate = true, dnsServer, authority, maxBodyBytes = 64 * 2 ** 20 } = options;
  return createProbes({
    resolve: createResolve(dnsServer === undefined ? {} : { servers: [dnsServer], hostsPath: "/nonexistent" }),
    refuses: createAddressPolicy({ allowPrivate }),
    secureContext: createSecureContext(authority === undefined ? {} : { ca: authority }),
    maxBodyBytes,
    monotonic: () => performance.now(),
    version: "1.2.3",
  });
}
