import { Resolver } from "node:dns";
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { CheckFailure } from "./failure.ts";

export type IpVersion = "any" | "4" | "6";

/**
 * The addresses of a host name, in the order to try them; an IP address is its
 * own. Rejects with c-ares's error, or a CheckFailure, when there are none.
 */
export type Resolve = (hostname: string, ipVersion: IpVersion) => Promise<readonly string[]>;

export interface ResolveOptions {
  readonly hostsPath?: string;
  readonly configPath?: string;
  /** Name servers (`address` or `address:port`) in place of the machine's. */
  readonly servers?: readonly string[];
}

/** How long one name server may take before the next is asked, in ms, and how often all are asked. */
const QUERY_TIMEOUT_MS = 2_000;
const QUERY_TRIES = 3;
/** How long the other family's answer is waited for when one is there (RFC 8305 §3), in ms. */
const RESOLUTION_DELAY_MS = 50;
/** How often the machine's files are looked at for changes, in ms. */
const FILES_CHECK_MS = 5_000;

/**
 * Resolves as the machine would: its hosts file, then its name servers, with its
 * search list for short names. Not by getaddrinfo, which holds one of libuv's few
 * threads per look-up: four names whose servers hang would stop every check.
 */
export function createResolve(options: ResolveOptions = {}): Resolve {
  const hosts = watched(options.hostsPath ?? "/etc/hosts", parseHosts);
  const config = watched(options.configPath ?? "/etc/resolv.conf", (text) => {
    const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES });
    if (options.servers) resolver.setServers(options.servers);
    return { ...parseSearch(text), resolver };
  });
  return async (hostname, ipVersion) => {
    const literal = isIP(hostname);
    if (literal !== 0) {
      if (ipVersion !== "any" && ipVersion !== String(literal)) {
        throw new CheckFailure("dns_not_found", `${hostname} is not an IPv${ipVersion} address`);
      }
      return [hostname];
    }
    const name = hostname.toLowerCase();
    const known = hosts().get(name.replace(/\.$/, ""));
    const fromHosts = known?.filter((address) => ipVersion === "any" || ipVersion === String(isIP(address)));
    if (fromHosts && fromHosts.length > 0) return fromHosts;
    const { resolver, search, ndots } = config();
    let notFound: unknown;
    for (const candidate of candidates(name, search, ndots)) {
      try {
        return await query(resolver, candidate, ipVersion);
      } catch (thrown) {
        if (!isNotFound(thrown)) throw thrown;
        notFound ??= thrown;
      }
    }
    throw notFound;
  };
}

/**
 * The names to ask for, in order: a short one with each suffix of the search list
 * before itself. A name with enough dots is asked for as it is and nothing else,
 * so that a wildcard in the search list cannot stand in for a name that is gone.
 */
export function candidates(name: string, search: readonly string[], ndots: number): string[] {
  if (name.endsWith(".")) return [name.slice(0, -1)];
  if (name.split(".").length - 1 >= ndots) return [name];
  return [...search.map((suffix) => `${name}.${suffix}`), name];
}

function query(resolver: Resolver, name: string, ipVersion: IpVersion): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const wanted = ipVersion === "any" ? 2 : 1;
    let answered = 0;
    let v4: readonly string[] = [];
    let v6: readonly string[] = [];
    let failure: unknown;
    let patience: NodeJS.Timeout | undefined;
    const settle = () => {
      clearTimeout(patience);
      if (v4.length + v6.length > 0) resolve(interleave(v6, v4));
      else reject(failure);
    };
    const answer = (error: Error | null) => {
      answered++;
      // That one family's server failed says more than that the other family is empty.
      if (error && (failure === undefined || isNotFound(failure))) failure = error;
      if (answered === wanted) settle();
      else if (!error) patience = setTimeout(settle, RESOLUTION_DELAY_MS);
    };
    if (ipVersion !== "6") {
      resolver.resolve4(name, (error, addresses) => {
        if (!error) v4 = addresses;
        answer(error);
      });
    }
    if (ipVersion !== "4") {
      resolver.resolve6(name, (error, addresses) => {
        if (!error) v6 = addresses;
        answer(error);
      });
    }
  });
}

/** IPv6 first, then by turns (RFC 8305 §4). */
function interleave(first: readonly string[], second: readonly string[]): string[] {
  const all: string[] = [];
  for (let index = 0; index < Math.max(first.length, second.length); index++) {
    for (const list of [first, second]) {
      const address = list[index];
      if (address !== undefined) all.push(address);
    }
  }
  return all;
}

function isNotFound(thrown: unknown): boolean {
  const { code } = thrown as { code?: unknown };
  return code === "ENOTFOUND" || code === "ENODATA";
}

/** Names to addresses, of hosts(5). `localhost` is loopback even where the file is silent (RFC 6761 §6.3). */
export function parseHosts(text: string): ReadonlyMap<string, readonly string[]> {
  const hosts = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [address, ...names] = line.replace(/#.*/, "").trim().toLowerCase().split(/\s+/);
    if (address === undefined || isIP(address) === 0) continue;
    for (const name of names) hosts.set(name, [...(hosts.get(name) ?? []), address]);
  }
  if (!hosts.has("localhost")) hosts.set("localhost", ["127.0.0.1", "::1"]);
  return hosts;
}

/** The search list and `ndots` of resolv.conf(5); the last `search` or `domain` line counts. */
export function parseSearch(text: string): { readonly search: readonly string[]; readonly ndots: number } {
  let search: string[] = [];
  let ndots = 1;
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/);
    if (keyword === "search" || keyword === "domain") search = values.filter((suffix) => suffix !== ".");
    if (keyword === "options") {
      for (const value of values) if (/^ndots:\d+$/.test(value)) ndots = Math.min(15, Number(value.slice(6)));
    }
  }
  return { search: search.map((suffix) => suffix.replace(/\.$/, "")), ndots };
}

/** What is made of a file's text, made anew when the file has changed; of empty text when it is not there. */
function watched<T>(path: string, parse: (text: string) => T): () => T {
  let checkedAt = Number.NEGATIVE_INFINITY;
  let version = "";
  let value: T | undefined;
  return () => {
    const now = performance.now();
    if (value !== undefined && now - checkedAt < FILES_CHECK_MS) return value;
    checkedAt = now;
    const stat = statSync(path, { throwIfNoEntry: false });
    const found = stat === undefined ? "absent" : `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
    if (value === undefined || found !== version) {
      value = parse(stat === undefined ? "" : readFileSync(path, "utf8"));
      version = found;
    }
    return value;
  };
}
