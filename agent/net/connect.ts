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
    if (isIP(host) === 0) attempt.phases.enter("dnsMs");
    return new Promise((resolve, reject) => {
      attempt.onDeadline(reject);
      deps.resolve(host, ipVersion).then(resolve, reject);
    });
  }
}

/** Tries the addresses in order, each a little after the one before or at once when that failed; the first wins. */
function connectToFirst(addresses: readonly string[], port: number, attempt: Attempt): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const trying = new Set<Socket>();
    let next = 0;
    let nextTimer: NodeJS.Timeout | undefined;
    let worst: unknown;

    const finish = (winner: Socket | null, failure?: unknown) => {
      clearTimeout(nextTimer);
      for (const socket of trying) if (socket !== winner) socket.destroy();
      if (winner) resolve(winner);
      else reject(failure);
    };
    const tryNext = () => {
      clearTimeout(nextTimer);
      const address = addresses[next++];
      if (address === undefined) return;
      attempt.seen.address = address;
      const socket = tcpConnect({ host: address, port, noDelay: true });
      trying.add(socket);
      let refusedHere = false;
      // A connect(2) that fails at once was refused by the agent's own routing table.
      process.nextTick(() => {
        refusedHere = socket.destroyed;
      });
      socket.once("connect", () => {
        attempt.seen.address = address;
        finish(socket);
      });
      socket.on("error", (error: NodeJS.ErrnoException) => {
        if (!trying.delete(socket)) return;
        const failure = refusedHere ? ownTrouble(error, address) : error;
        if (worst === undefined || worst instanceof CheckFailure) worst = failure;
        if (next < addresses.length) tryNext();
        else if (trying.size === 0) finish(null, worst);
      });
      if (next < addresses.length) nextTimer = setTimeout(tryNext, ATTEMPT_DELAY_MS);
    };
    attempt.onDeadline((failure) => finish(null, failure));
    tryNext();
  });
}

function ownTrouble(error: NodeJS.ErrnoException, address: string): unknown {
  if (error.code !== "ENETUNREACH" && error.code !== "EHOSTUNREACH") return error;
  return new CheckFailure("agent_network", `the agent's machine has no route to ${address}`);
}
