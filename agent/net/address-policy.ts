import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = [ipaddr.IPv4, number] | [ipaddr.IPv6, number];

/** Judges an IP address: null when it may be connected to, else why not. */
export type AddressPolicy = (address: string) => string | null;

const MAX_KNOWN = 4_096;

/** No monitor has business here, whoever operates the agent. */
const neverAllowed = ranges({
  "a cloud's metadata service": [
    "169.254.169.254/32",
    "168.63.129.16/32", // Azure
    "100.100.100.200/32", // Alibaba Cloud
    "192.0.0.192/32", // Oracle Cloud
    "fd00:ec2::254/128", // AWS
    "fd20:ce::254/128", // Google Cloud
    "fd00:42::42/128", // Scaleway
  ],
  "link-local": ["169.254.0.0/16", "fe80::/10"],
  "not a host's": ["0.0.0.0/8", "::/128"],
  multicast: ["224.0.0.0/4", "ff00::/8"],
  reserved: ["240.0.0.0/4"],
});

/** The agent's surroundings: for its operator to allow. IANA's special-purpose registries, RFC 6890. */
const surroundings = ranges({
  loopback: ["127.0.0.0/8", "::1/128"],
  private: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10", "64:ff9b:1::/48"],
  "a carrier's (RFC 6598)": ["100.64.0.0/10"],
  "for protocols, documentation or benchmarks": [
    "192.0.0.0/24",
    "192.0.2.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "2001:db8::/32",
    "3fff::/20",
    "100::/64",
  ],
});

/** Where an IPv6 address carries an IPv4 one that packets may end up at, and how to read it. */
const carriers: ReadonlyArray<readonly [range: [ipaddr.IPv6, number], carried: (bytes: number[]) => number[]]> = [
  [v6("::ffff:0:0/96"), (bytes) => bytes.slice(12)], // IPv4-mapped, RFC 4291
  [v6("::ffff:0:0:0/96"), (bytes) => bytes.slice(12)], // IPv4-translated, RFC 2765
  [v6("::/96"), (bytes) => bytes.slice(12)], // IPv4-compatible, RFC 4291
  [v6("64:ff9b::/96"), (bytes) => bytes.slice(12)], // NAT64, RFC 6052
  [v6("64:ff9b:1::/48"), (bytes) => bytes.slice(12)], // NAT64 for local use, RFC 8215
  [v6("2002::/16"), (bytes) => bytes.slice(2, 6)], // 6to4, RFC 3056
  [v6("2001::/32"), (bytes) => bytes.slice(12).map((byte) => byte ^ 0xff)], // Teredo, RFC 4380
];

/**
 * Which addresses an agent connects to. Cloud metadata and link-local are refused
 * always; loopback and private ranges unless `allowPrivate`. It is applied to the
 * resolved address that is connected to, so no name can lead around it.
 */
export function createAddressPolicy({ allowPrivate }: { readonly allowPrivate: boolean }): AddressPolicy {
  // Checks go to the same addresses again and again.
  const known = new Map<string, string | null>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    if (known.size === MAX_KNOWN) known.clear();
    const verdict = judge(text);
    known.set(text, verdict);
    return verdict;
  };

  function judge(text: string): string | null {
    if (!ipaddr.isValid(text)) return `${text} is not an IP address`;
    const outer = ipaddr.parse(text);
    for (const address of [outer, ...carriedBy(outer)]) {
      const kind = kindOf(address, neverAllowed) ?? (allowPrivate ? null : kindOf(address, surroundings));
      if (kind !== null) return `${text} is ${kind === "private" || kind === "loopback" ? `a ${kind} address` : kind}`;
    }
    return null;
  }
}

function carriedBy(address: Address): Address[] {
  if (address.kind() === "ipv4") return [];
  const outer = address as ipaddr.IPv6;
  // ::1 and :: lie in the range of IPv4-compatible addresses and are none.
  if (outer.range() === "loopback" || outer.range() === "unspecified") return [];
  for (const [range, carried] of carriers) {
    if (outer.match(range)) return [ipaddr.fromByteArray(carried(outer.toByteArray()))];
  }
  return [];
}

function kindOf(address: Address, kinds: ReadonlyArray<readonly [string, Range]>): string | null {
  for (const [kind, range] of kinds) {
    if (address.kind() === range[0].kind() && address.match(range)) return kind;
  }
  return null;
}

function ranges(kinds: Readonly<Record<string, readonly string[]>>): ReadonlyArray<readonly [string, Range]> {
  return Object.entries(kinds).flatMap(([kind, list]) =>
    list.map((range) => [kind, ipaddr.parseCIDR(range) as Range] as const),
  );
}

function v6(range: string): [ipaddr.IPv6, number] {
  return ipaddr.IPv6.parseCIDR(range);
}
