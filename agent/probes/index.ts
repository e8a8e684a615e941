import type { SecureContext } from "node:tls";
import type { AddressPolicy } from "../net/address-policy.ts";
import { createConnect } from "../net/connect.ts";
import type { Resolve } from "../net/resolve.ts";
import { createSecure } from "../net/secure.ts";
import { createBodyBudget } from "./body-budget.ts";
import { createHttpProbe } from "./http.ts";
import { exchange } from "./http-exchange.ts";
import type { Probes } from "./probe.ts";
import { createTcpProbe } from "./tcp.ts";

export interface ProbeDeps {
  readonly resolve: Resolve;
  readonly refuses: AddressPolicy;
  readonly secureContext: SecureContext;
  /** How many bytes of bodies all checks together may hold in memory. */
  readonly maxBodyBytes: number;
  /** ms, never backwards. */
  readonly monotonic: () => number;
  readonly version: string;
}

/** The table of types. A new type is one file beside this one and one line here. */
export function createProbes({ resolve, refuses, secureContext, maxBodyBytes, monotonic, version }: ProbeDeps): Probes {
  const connect = createConnect({ resolve, refuses });
  const secure = createSecure(secureContext);
  return {
    http: createHttpProbe({
      connect,
      secure,
      exchange,
      bodyBudget: createBodyBudget(maxBodyBytes),
      monotonic,
      version,
    }),
    tcp: createTcpProbe({ connect, monotonic }),
  };
}
