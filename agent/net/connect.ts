import { isIP, type Socket, connect as tcpConnect } from "node:net";
import type { AddressPolicy } from "./address-policy.ts";
import type { Attempt } from "./attempt.ts";
import { CheckFailure } from "./failure.ts";
import type { IpVersion, Resolve } from "./resolve.ts";

export interface Endpoint {
  /** A host name or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly ipVersion: IpVersion;
}

/**
 * A new TCP connection to an endpoint; the phases `dnsMs` and `connectMs` of an
 * attempt. The socket is never shared and has an `error` listener.
 */
export type Connect = (endpoint: Endpoint, attempt: Attempt) => Promise<Socket>;

/** How long the first address has a try to itself before the next one starts beside it (RFC 8305 §5), in ms. */
const ATTEMPT_DELAY_MS = 250;
/** No check tries more addresses of one name. */
const MAX_ADDRESSES = 8;

/** The policy judges each resolved address; the connection is made to that very address. */
export function createConnect(deps: { readonly resolve: Resolve; readonly refuses: AddressPolicy }): Connect {
  return async ({ host, port, ipVersion }, attempt) => {
    if (isIP(host) === 0) attempt.phases.enter("dnsMs");
    const addresses = await resolveWithin(host, ipVersion, attempt);
    const allowed = addresses.filter((address) => deps.refuses(address) === null).slice(0, MAX_ADDRESSES);
    const [first] = addresses;
    if (allowed.length === 0 && first !== undefined) {
      attempt.seen.address = first;
      throw new CheckFailure("address_forbidden", `the agent does not connect to ${host}: ${deps.refuses(first)}`);
    }
    attempt.phases.enter("connectMs");
    return await connectToFirst(allowed, port, attempt);
  };

  function resolveWithin(host: string, ipVersion: IpVersion, attempt: Attempt): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      attempt.onDeadline(reject);
      deps.resolve(host, ipVersion).then(resolve, reject);
    });
  }
}

/** Tries the addresses in order, each a little after the one before or at once when that failed; the first wins. */
function connectToFirst(addresses: readonly string[], port: number, attempt: Attempt): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let trying: Socket[] = [];
    let next = 0;
    let nextTimer: NodeJS.Timeout | undefined;
    /** The most telling failure so far: what a target said goes before what the agent lacks. */
    let telling: unknown;

    const settle = (winner: Socket | null) => {
      clearTimeout(nextTimer);
      const losers = trying;
      trying = [];
      for (const socket of losers) if (socket !== winner) socket.destroy();
    };
    const tryNext = () => {
      clearTimeout(nextTimer);
      const address = addresses[next++] as string;
      attempt.seen.address = address;
      const socket = tcpConnect({ host: address, port, noDelay: true });
      trying.push(socket);
      let failedAtOnce = false;
      process.nextTick(() => {
        failedAtOnce = socket.destroyed;
      });
      socket.once("connect", () => {
        attempt.seen.address = address;
        settle(socket);
        resolve(socket);
      });
      // Stays on the winner, whose later errors are for those who use it.
      socket.on("error", (error) => {
        if (!trying.includes(socket)) return;
        trying = trying.filter((other) => other !== socket);
        const failure = failedAtOnce ? ownTrouble(error, address) : error;
        if (telling === undefined || telling instanceof CheckFailure) telling = failure;
        if (next < addresses.length) tryNext();
        else if (trying.length === 0) reject(telling);
      });
      if (next < addresses.length) nextTimer = setTimeout(tryNext, ATTEMPT_DELAY_MS);
    };
    attempt.onDeadline((failure) => {
      settle(null);
      reject(failure);
    });
    tryNext();
  });
}

/** A connect(2) that fails at once for want of a route was refused by the agent's own routing table. */
function ownTrouble(error: NodeJS.ErrnoException, address: string): unknown {
  if (error.code !== "ENETUNREACH" && error.code !== "EHOSTUNREACH") return error;
  return new CheckFailure("agent_network", `the agent's machine has no route to ${address}`);
}
