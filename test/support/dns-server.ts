import { createSocket } from "node:dgram";
import { once } from "node:events";
import { isIPv4 } from "node:net";

/** What is said about a name: its addresses, an RCODE (RFC 1035 §4.1.1), or nothing at all. */
export type DnsAnswer = readonly string[] | "NXDOMAIN" | "SERVFAIL" | "REFUSED" | "silence";

const rcodes = { NXDOMAIN: 3, SERVFAIL: 2, REFUSED: 5 } as const;
const TYPE_A = 1;
const TYPE_AAAA = 28;

/** A name server on loopback that knows these names; all others do not exist. */
export async function testDnsServer(names: Readonly<Record<string, DnsAnswer | { a: DnsAnswer; aaaa: DnsAnswer }>>) {
  const socket = createSocket("udp4");
  const asked: string[] = [];
  socket.on("message", (query, client) => {
    const { name, type, end } = readQuestion(query);
    asked.push(`${type === TYPE_A ? "A" : "AAAA"} ${name}`);
    const known = names[name] ?? "NXDOMAIN";
    const answer = typeof known === "object" && "a" in known ? (type === TYPE_A ? known.a : known.aaaa) : known;
    if (answer === "silence") return;
    const wanted = typeof answer === "string" ? [] : answer.filter((address) => isIPv4(address) === (type === TYPE_A));
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 | (typeof answer === "string" ? rcodes[answer] : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(wanted.length, 6);
    socket.send(
      Buffer.concat([header, query.subarray(12, end), ...wanted.map((a) => record(a, type))]),
      client.port,
      client.address,
    );
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    address: `127.0.0.1:${socket.address().port}`,
    /** Each question so far, such as `A shop.example`. */
    asked,
    async stop() {
      const closed = once(socket, "close");
      socket.close();
      await closed;
    },
  };
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function record(address: string, type: number): Buffer {
  const data = type === TYPE_AAAA ? v6Bytes(address) : Buffer.from(address.split(".").map(Number));
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(30, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function v6Bytes(address: string): Buffer {
  const [left = "", right = ""] = address.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const missing = 8 - groups(left).length - groups(right).length;
  const all = [...groups(left), ...Array<string>(missing).fill("0"), ...groups(right)];
  return Buffer.from(all.map((group) => group.padStart(4, "0")).join(""), "hex");
}
