import { readFile } from "node:fs/promises";
import { touch } from "./anchor.ts";

/** RTF_UP and RTF_GATEWAY of linux/route.h. */
const UP_AND_GATEWAY = 0x3;
/** Routers often answer here, with a connection or a refusal; one that is silent tells nothing. */
const PORT = 53;
/** What the kernel says when nobody there answers ARP, or when there is no way. */
const unreachable: ReadonlySet<unknown> = new Set(["EHOSTUNREACH", "EHOSTDOWN", "ENETUNREACH", "ENETDOWN"]);

/** The IPv4 default gateway in the text of /proc/net/route (proc_pid_net(5)); null when there is none. */
export function parseGateway(text: string): string | null {
  for (const line of text.split("\n").slice(1)) {
    const [, destination, gateway = "", flags = "", , , , mask] = line.trim().split(/\s+/);
    if (destination !== "00000000" || mask !== "00000000" || !/^[0-9A-F]{8}$/i.test(gateway)) continue;
    if ((Number.parseInt(flags, 16) & UP_AND_GATEWAY) !== UP_AND_GATEWAY) continue;
    // In the machine's byte order, which is the little end first wherever Node runs on Linux but for s390x.
    return [6, 4, 2, 0].map((at) => Number.parseInt(gateway.slice(at, at + 2), 16)).join(".");
  }
  return null;
}

/**
 * Whether the machine's default gateway is there. Null when that cannot be told: no
 * Linux, no such route, or a gateway that does not answer and is not missing either.
 */
export async function isGatewayThere(signal: AbortSignal, routePath = "/proc/net/route"): Promise<boolean | null> {
  const gateway = parseGateway(await readFile(routePath, "latin1").catch(() => ""));
  if (gateway === null) return null;
  try {
    await touch(gateway, PORT, signal);
    return true;
  } catch (thrown) {
    return unreachable.has((thrown as { code?: unknown }).code) ? false : null;
  }
}
