import { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { AbstractConnector, type RedisOptions } from "ioredis";
import { type ClientOptions, WebSocket } from "ws";
import { MAX_TUNNEL_FRAME_BYTES, TUNNEL_IDLE_MS, TUNNEL_PATH } from "../shared/link.ts";
import { backoffMs } from "../shared/retry.ts";
import { throughProxy } from "./proxy.ts";
import { webSocketAddress } from "./web-socket-address.ts";

/** How long the coordinator may take to open a tunnel, in ms. */
const CONNECT_DEADLINE_MS = 10_000;
/** The coordinator sends what it reads of Redis at once, in bytes. */
const MAX_ANSWER_FRAME_BYTES = 2 ** 20;
/** How often the other side has to show that it is there, in ms. */
const PROBE_EVERY_MS = TUNNEL_IDLE_MS / 3;
/** An agent that is refused comes again ever more seldom. */
const REFUSED = { baseMs: 2_000, capMs: 300_000 };
/** RFC 6455 §7.4.1: an end that needs no explanation. */
const ORDINARY_ENDS = [1000, 1001, 1005, 1006];

/**
 * How ioredis connects through the coordinator: the connector that its options take. All of an agent's
 * connections share one, so that they also share its patience with a coordinator that refuses them.
 * @param bearer what the agent presents, asked for at each connection
 */
export function createTunnelConnector({
  coordinatorUrl,
  authorities = null,
  bearer,
}: {
  readonly coordinatorUrl: string;
  /** Who may vouch for the coordinator, in PEM; null for the public authorities. */
  readonly authorities?: readonly string[] | null;
  readonly bearer: () => string;
}): NonNullable<RedisOptions["Connector"]> {
  const address = webSocketAddress(coordinatorUrl, TUNNEL_PATH);
  let refusals = 0;
  let notBefore = 0;

  return class TunnelConnector extends AbstractConnector {
    readonly #givenUp = new AbortController();

    constructor(options: unknown) {
      super((options as { disconnectTimeout: number }).disconnectTimeout);
    }

    /** Rejects only when it was given up: ioredis does not try again then. */
    override async connect() {
      this.connecting = true;
      const wait = notBefore - performance.now();
      if (wait > 0) await sleep(wait, undefined, { signal: this.#givenUp.signal }).catch(() => undefined);
      // In ioredis' own words, which it does not report as an error.
      if (!this.connecting) throw new Error("Connection is closed.");
      const options = {
        headers: { authorization: `Bearer ${bearer()}` },
        ...throughProxy(address),
        ...(authorities && { ca: [...authorities] }),
      };
      const stream = openTunnel(address, options, (isRefused) => {
        refusals = isRefused ? refusals + 1 : 0;
        notBefore = isRefused ? performance.now() + backoffMs(refusals - 1, REFUSED) : 0;
      });
      stream.once("error", (thrown) => {
        this.firstError = thrown;
      });
      this.stream = stream as typeof this.stream;
      return this.stream;
    }

    override disconnect() {
      this.#givenUp.abort();
      super.disconnect();
    }
  };
}

/**
 * A WebSocket as the socket that ioredis expects.
 * @param onAnswer told whether the coordinator refused the agent
 */
function openTunnel(address: string, options: ClientOptions, onAnswer: (isRefused: boolean) => void): Duplex {
  const socket = new WebSocket(address, {
    ...options,
    handshakeTimeout: CONNECT_DEADLINE_MS,
    maxPayload: MAX_ANSWER_FRAME_BYTES,
    perMessageDeflate: false,
    followRedirects: false,
  });
  let isThere = true;
  let probe: NodeJS.Timeout | undefined;
  let patience: NodeJS.Timeout | undefined;

  /** What was written at once goes as one, in frames that the other side takes. */
  function send(bytes: Buffer, done: (thrown?: Error | null) => void): void {
    let at = 0;
    for (; at + MAX_TUNNEL_FRAME_BYTES < bytes.length; at += MAX_TUNNEL_FRAME_BYTES)
      socket.send(bytes.subarray(at, at + MAX_TUNNEL_FRAME_BYTES), { binary: true });
    socket.send(bytes.subarray(at), { binary: true }, done);
  }

  const stream = new Duplex({
    read: () => socket.resume(),
    write: (chunk: Buffer, _, done) => send(chunk, done),
    writev: (chunks, done) => send(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)), done),
    final(done) {
      socket.close(1000);
      done();
    },
    destroy(thrown, done) {
      clearInterval(probe);
      clearTimeout(patience);
      socket.terminate();
      done(thrown);
    },
  });

  socket.on("open", () => {
    onAnswer(false);
    socketLike.connecting = false;
    probe = setInterval(() => {
      if (!isThere) return stream.destroy(new Error("the coordinator is silent"));
      isThere = false;
      socket.ping();
    }, PROBE_EVERY_MS);
    stream.emit("connect");
  });
  socket.on("message", (data) => {
    isThere = true;
    if (!stream.push(data)) socket.pause();
  });
  socket.on("pong", () => {
    isThere = true;
  });
  socket.on("unexpected-response", (_, { statusCode }) => {
    onAnswer(statusCode === 401 || statusCode === 403);
    stream.destroy(new Error(`the coordinator does not open a tunnel to Redis: HTTP status ${statusCode}`));
  });
  socket.on("error", (thrown) => stream.destroy(thrown));
  socket.on("close", (code, reason) => {
    stream.push(null);
    stream.destroy(ORDINARY_ENDS.includes(code) ? undefined : new Error(`the tunnel was closed: ${reason}`));
  });

  const socketLike = Object.assign(stream, {
    connecting: true,
    /** ioredis bounds the time to connect by it. */
    setTimeout(ms: number, onTimeout?: () => void) {
      clearTimeout(patience);
      if (ms > 0 && onTimeout) patience = setTimeout(onTimeout, ms);
      return stream;
    },
    setNoDelay: () => stream,
    setKeepAlive: () => stream,
    ref: () => stream,
    unref: () => stream,
  });
  return stream;
}
