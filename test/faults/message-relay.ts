import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** What is to be done with a message on its way to the server: `hold` lets neither it nor anything after it through. */
export type Ruling = "pass" | "hold";

/** A message of a client, as far as it tells one from the others: the beginning of a statement, a command and its first argument. */
export interface Message {
  readonly label: string;
  readonly bytes: Buffer;
}

/** Cuts what a client sends into messages. Takes what has come so far; returns what is whole, and leaves the rest. */
export type Splitter = (pending: Buffer) => { readonly messages: readonly Message[]; readonly rest: Buffer };

export interface MessageRelay {
  /** The URL with the relay in the server's place. */
  readonly url: string;
  /** Lets through what is held of clients that are still there. */
  release(): void;
  stop(): Promise<void>;
}

/**
 * A TCP way to a server that asks, before each message of a client, whether it may pass, and tells when it has. What
 * has passed when the client dies is brought to the server, as it would be by the network.
 */
export async function startMessageRelay(
  url: string,
  splitter: () => Splitter,
  { before, after }: { readonly before: (message: Message) => Ruling; readonly after: (message: Message) => void },
): Promise<MessageRelay> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  const held = new Map<Socket, () => void>();
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    const split = splitter();
    let pending: Buffer = Buffer.alloc(0);
    const waiting: Buffer[] = [];
    client.setNoDelay();
    upstream.setNoDelay();
    client.on("data", (data) => {
      const { messages, rest } = split(Buffer.concat([pending, data]));
      pending = rest;
      for (const message of messages) {
        if (!held.has(client) && before(message) === "hold") {
          held.set(client, () => {
            for (const bytes of waiting.splice(0)) upstream.write(bytes);
          });
        }
        if (held.has(client)) {
          waiting.push(message.bytes);
        } else {
          upstream.write(message.bytes);
          after(message);
        }
      }
    });
    for (const event of ["end", "close"]) client.on(event, () => void held.delete(client));
    upstream.on("data", (data) => void client.write(data));
    client.on("end", () => upstream.end());
    upstream.on("end", () => client.end());
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        other.end();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const relayed = new URL(url);
  relayed.hostname = "127.0.0.1";
  relayed.port = String((server.address() as AddressInfo).port);
  return {
    url: relayed.href,
    release() {
      for (const [client, letGo] of held) {
        held.delete(client);
        letGo();
      }
    },
    async stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

/**
 * What a PostgreSQL client sends (postgresql.org/docs/current/protocol-message-formats.html): a query, or all that
 * goes up to a Sync, is one message.
 */
export function postgresMessages(): Splitter {
  let isStarted = false;
  const names = new Map<string, string>();
  return (pending) => {
    const messages: Message[] = [];
    let [begin, at, label] = [0, 0, ""];
    while (at + 5 <= pending.length) {
      const head = isStarted ? 1 : 0;
      const end = at + head + pending.readInt32BE(at + head);
      if (end > pending.length) break;
      const type = isStarted ? String.fromCharCode(pending[at] as number) : "start";
      const body = pending.subarray(at + head + 4, end);
      isStarted = true;
      if (type === "Q") label = text(body);
      if (type === "P") {
        const [name = "", statement = ""] = body.toString().split("\0");
        names.set(name, statement);
        label = oneLine(statement);
      }
      if (type === "B" && label === "") label = oneLine(names.get(body.toString().split("\0")[1] ?? "") ?? "");
      at = end;
      if ("PBDEHC".includes(type)) continue;
      messages.push({ label: label || type, bytes: pending.subarray(begin, at) });
      [begin, label] = [at, ""];
    }
    return { messages, rest: pending.subarray(begin) };
  };
}

/** What a Redis client sends (redis.io/docs/latest/develop/reference/protocol-spec): arrays of bulk strings. */
export function redisMessages(): Splitter {
  return (pending) => {
    const messages: Message[] = [];
    let begin = 0;
    for (;;) {
      let at = begin;
      const line = (): number | null => {
        const end = pending.indexOf("\r\n", at);
        if (end === -1) return null;
        const number = Number(pending.toString("latin1", at + 1, end));
        at = end + 2;
        return number;
      };
      const count = line();
      if (count === null) break;
      const args: string[] = [];
      while (args.length < count) {
        const length = line();
        if (length === null || at + length + 2 > pending.length) break;
        args.push(pending.toString("latin1", at, at + length));
        at += length + 2;
      }
      if (args.length < count) break;
      messages.push({ label: nameOf(args), bytes: pending.subarray(begin, at) });
      begin = at;
    }
    return { messages, rest: pending.subarray(begin) };
  };
}

/** A script by its hash, and what follows it, which is mostly the job. */
function nameOf([command = "", script = "", keys = "", ...args]: readonly string[]): string {
  if (!/^eval/i.test(command)) return `${command} ${script}`;
  const name = /^eval$/i.test(command) ? oneLine(script).slice(0, 60) : script.slice(0, 8);
  return `${command} ${name} ${args[0]?.split(":").at(-1) ?? ""} (${keys} keys)`;
}

/** Whatever comes at once, which for a short request is the whole of it. */
export function httpMessages(): Splitter {
  return (pending) => ({
    messages: [{ label: `request ${pending.toString("latin1", 0, pending.indexOf(" HTTP/"))}`, bytes: pending }],
    rest: Buffer.alloc(0),
  });
}

const text = (body: Buffer): string => oneLine(body.toString("utf8").replaceAll("\0", ""));
const oneLine = (statement: string): string => statement.replace(/\s+/g, " ").trim().slice(0, 90);
