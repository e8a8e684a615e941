import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";

/** The networks whose word on where a request comes from is taken. */
export interface TrustedProxies {
  /** The address that a request comes from: the nearest that is no trusted proxy (RFC 7239 §5.2, in its common form). */
  addressOf(request: Pick<IncomingMessage, "headers" | "socket">): string;
  isTrusted(address: string): boolean;
}

export const proxiesForm = "addresses and networks such as 127.0.0.1,10.0.0.0/8, separated by commas";

/** @throws Error that completes a sentence such as "WATCHPOST_TRUSTED_PROXIES …". */
export function parseProxies(text: string): BlockList {
  const list = new BlockList();
  for (const one of text.split(",").map((word) => word.trim())) {
    const [address = "", bits, ...rest] = one.split("/");
    const version = isIP(address);
    const most = version === 4 ? 32 : 128;
    const length = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
    if (version === 0 || rest.length > 0 || length < 0 || length > most) {
      throw new Error(`must be ${proxiesForm}, not "${one}"`);
    }
    list.addSubnet(address, length, version === 4 ? "ipv4" : "ipv6");
  }
  return list;
}

export function createTrustedProxies(list: BlockList | null): TrustedProxies {
  function isTrusted(address: string): boolean {
    const plain = withoutMapping(address);
    const version = isIP(plain);
    return list !== null && version !== 0 && list.check(plain, version === 4 ? "ipv4" : "ipv6");
  }
  return {
    isTrusted,
    addressOf({ headers, socket }) {
      let address = withoutMapping(socket.remoteAddress ?? "");
      // Each proxy appends the address that it was asked from: the last is the nearest.
      const told = String(headers["x-forwarded-for"] ?? "")
        .split(",")
        .reverse();
      for (const one of told.map((word) => word.trim())) {
        if (!isTrusted(address) || isIP(one) === 0) break;
        address = withoutMapping(one);
      }
      return address;
    },
  };
}

/** An IPv4 address as a socket for both families tells it (RFC 4291 §2.5.5.2). */
function withoutMapping(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
}
