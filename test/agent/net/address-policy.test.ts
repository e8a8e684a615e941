import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createAddressPolicy } from "../../../agent/net/address-policy.ts";

const strict = createAddressPolicy({ allowPrivate: false });
const open = createAddressPolicy({ allowPrivate: true });

describe("the address policy", () => {
  test.each(["1.1.1.1", "8.8.8.8", "93.184.216.34", "172.15.0.1", "172.32.0.1", "100.63.0.1", "2606:4700::1111"])(
    "allows the public address %s",
    (address) => {
      expect(strict(address)).toBeNull();
      expect(open(address)).toBeNull();
    },
  );

  test.each([
    "127.0.0.1",
    "127.255.255.254",
    "::1",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.127.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "fc00::1",
    "fd12:3456::1",
    "2001:db8::1",
  ])("leaves %s to the operator", (address) => {
    expect(strict(address)).toContain(address);
    expect(open(address)).toBeNull();
  });

  test.each([
    ["169.254.169.254", "metadata"],
    ["100.100.100.200", "metadata"],
    ["168.63.129.16", "metadata"],
    ["192.0.0.192", "metadata"],
    ["fd00:ec2::254", "metadata"],
    ["fd20:ce::254", "metadata"],
    ["169.254.1.1", "link-local"],
    ["fe80::1", "link-local"],
    ["fe80::1%eth0", "link-local"],
    ["febf::1", "link-local"],
    ["0.0.0.0", "not a host's"],
    ["0.1.2.3", "not a host's"],
    ["::", "not a host's"],
    ["224.0.0.1", "multicast"],
    ["239.255.255.255", "multicast"],
    ["ff02::1", "multicast"],
    ["240.0.0.1", "reserved"],
    ["255.255.255.255", "reserved"],
    ["example.com", "not an IP address"],
    ["", "not an IP address"],
  ])("refuses %s whatever is allowed", (address, reason) => {
    expect(strict(address)).toContain(reason);
    expect(open(address)).toContain(reason);
  });

  /** Every way in which an IPv6 address carries an IPv4 one. */
  const carriers: Readonly<Record<string, (a: number, b: number) => string>> = {
    "IPv4-mapped": (a, b) => `::ffff:${a.toString(16)}:${b.toString(16)}`,
    "IPv4-translated": (a, b) => `::ffff:0:${a.toString(16)}:${b.toString(16)}`,
    "IPv4-compatible": (a, b) => `::${a.toString(16)}:${b.toString(16)}`,
    NAT64: (a, b) => `64:ff9b::${a.toString(16)}:${b.toString(16)}`,
    "local NAT64": (a, b) => `64:ff9b:1::${a.toString(16)}:${b.toString(16)}`,
    "6to4": (a, b) => `2002:${a.toString(16)}:${b.toString(16)}::1`,
    Teredo: (a, b) => `2001:0:1::${(a ^ 0xffff).toString(16)}:${(b ^ 0xffff).toString(16)}`,
  };

  test.each(Object.entries(carriers))("refuses metadata and link-local as %s", (_name, carry) => {
    expect(open(carry(0xa9fe, 0xa9fe))).not.toBeNull();
    expect(open(carry(0xa9fe, 0x0101))).not.toBeNull();
    expect(open(carry(0x6464, 0x64c8))).not.toBeNull();
  });

  test.each(Object.entries(carriers))("leaves loopback and private as %s to the operator", (_name, carry) => {
    expect(strict(carry(0x7f00, 0x0001))).not.toBeNull();
    expect(strict(carry(0x0a00, 0x0001))).not.toBeNull();
    expect(open(carry(0x0a00, 0x0001))).toBeNull();
  });

  test("an IPv4 address is judged the same in every disguise", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0xffff }), fc.integer({ min: 2, max: 0xffff }), (a, b) => {
        const plain = `${a >> 8}.${a & 255}.${b >> 8}.${b & 255}`;
        for (const policy of [strict, open]) {
          for (const [name, carry] of Object.entries(carriers)) {
            if (policy(plain) !== null) expect(policy(carry(a, b))).not.toBeNull();
            else if (name !== "local NAT64") expect(policy(carry(a, b))).toBeNull();
          }
        }
      }),
    );
  });

  test("what the strict policy allows, the open one allows", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        if (strict(address) === null) expect(open(address)).toBeNull();
      }),
    );
  });
});
