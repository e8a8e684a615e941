import { connect } from "node:net";
import { createSecureContext } from "node:tls";
import { createAddressPolicy } from "../../agent/net/address-policy.ts";
import { createResolve } from "../../agent/net/resolve.ts";
import { createProbes } from "../../agent/probes/index.ts";
import { createRunCheck } from "../../agent/run-check.ts";
import { systemClock } from "../../shared/clock.ts";
import { bareHttp, bareTcp } from "./baseline/bare-checks.ts";
import { undiciCheck } from "./baseline/undici-client.ts";
import { checkOf, type ProbeKind } from "./bench-check.ts";

/** Makes checks in one way, in a closed loop, whenever it is told for how long; in a process of its own. */
export type Way = "watchpost" | "bare" | "undici";

export interface ProbeOrder {
  readonly ms: number;
  readonly inFlight: number;
}

const env = process.env as Record<"WAY" | "KIND" | "URL" | "AUTHORITY", string>;
const url = new URL(env.URL);
const kind = env.KIND as ProbeKind;
const perform = ways()[env.WAY as Way];

function ways(): Record<Way, () => Promise<void>> {
  const secureContext = createSecureContext({ ca: env.AUTHORITY });
  return {
    watchpost: watchpost(),
    bare: kind === "tcp" ? bareTcp(url) : bareHttp(url, kind === "https" ? secureContext : null),
    undici: undiciCheck(url, env.AUTHORITY),
  };

  function watchpost(): () => Promise<void> {
    const clock = systemClock();
    const probes = createProbes({
      resolve: createResolve(),
      refuses: createAddressPolicy({ allowPrivate: true }),
      secureContext,
      maxBodyBytes: 64 * 2 ** 20,
      monotonic: clock.monotonic,
      version: "bench",
    });
    const runCheck = createRunCheck({ probes, clock });
    return async () => {
      const result = await runCheck(checkOf(kind, url, Date.now()));
      if (result.status !== "up") throw new Error(`the check failed: ${JSON.stringify(result)}`);
    };
  }
}

process.on("message", async ({ ms, inFlight }: ProbeOrder) => {
  const begun = performance.now();
  const before = process.cpuUsage();
  let checks = 0;
  const loop = async () => {
    while (performance.now() - begun < ms) {
      await perform();
      checks++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
  const { user, system } = process.cpuUsage(before);
  process.send?.({
    usPerCheck: (user + system) / checks,
    checksPerSecond: (checks / (performance.now() - begun)) * 1_000,
  });
});
// A profile is written at an exit alone.
process.on("SIGTERM", () => process.exit(0));
process.on("disconnect", () => process.exit(0));
// The first connection of a process is the slowest.
const first = connect(Number(url.port), url.hostname, () => {
  first.destroy();
  process.send?.({ ready: true });
});
