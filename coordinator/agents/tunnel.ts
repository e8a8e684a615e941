import type { IncomingMessage } from "node:http";
import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { RedisOptions } from "ioredis";
import type { RawData, WebSocket } from "ws";
import { WebSocketServer } from "ws";
import { redisUser } from "../../shared/agent-secret.ts";
import { errorText } from "../../shared/errors.ts";
import { CLOSE_REFUSED, MAX_TUNNEL_FRAME_BYTES, TUNNEL_IDLE_MS } from "../../shared/link.ts";
import type { Logger } from "../../shared/logger.ts";
import type { AgentIdentity } from "./identity.ts";
import { createRespGate, RespRefusal } from "./resp-gate.ts";

/** An agent has three connections for each of its processes; those that just broke may be there still. */
const MAX_PER_AGENT = 32;
/** How long it may take until Redis has let the agent in, in ms. */
const LOGIN_DEADLINE_MS = 10_000;
/** No more waits for an agent that does not read, in bytes; Redis is read on when half of it has gone. */
const MAX_UNREAD = 262_144;
/** The same agent's trouble is logged no more often, in ms. */
const TROUBLE_LOG_MS = 10_000;
/** How long the other side has to agree to an end, in ms. */
const FAREWELL_MS = 1_000;
/** RFC 6455 §7.4.1. */
const CLOSE_GOING_AWAY = 1001;
const CLOSE_POLICY = 1008;

/** The coordinator's end of agents' connections to Redis. */
export interface AgentTunnels {
  /** Takes over an HTTP upgrade whose credentials have been checked. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, identity: AgentIdentity): void;
  /** Ends the connections of an agent that has been revoked. */
  cut(agentId: string): void;
  /** How many connections there are. */
  readonly size: number;
  close(): void;
}

/**
 * Carries agents' connections to Redis, so that it need not be reachable from outside. What an agent sends
 * goes through a gate (resp-gate.ts), and nothing but the login before Redis has accepted that:
 * one that fails leaves a connection the default user's.
 */
export function createAgentTunnels({
  options,
  prefix,
  idleMs = TUNNEL_IDLE_MS,
  logger,
}: {
  /** Where Redis is, as the coordinator reaches it. */
  readonly options: RedisOptions;
  readonly prefix: string;
  readonly idleMs?: number;
  readonly logger: Logger;
}): AgentTunnels {
  const server = new WebSocketServer({ noServer: true, maxPayload: MAX_TUNNEL_FRAME_BYTES, perMessageDeflate: false });
  /** What ends each connection of an agent. */
  const agents = new Map<string, Set<End>>();
  const warnedAt = new Map<string, number>();
  let size = 0;

  function warn(agent: string, reason: string): void {
    const now = performance.now();
    if (now - (warnedAt.get(agent) ?? Number.NEGATIVE_INFINITY) < TROUBLE_LOG_MS) return;
    warnedAt.set(agent, now);
    logger.warn({ agent, reason }, "An agent's connection to Redis was refused");
  }

  function serve(socket: WebSocket, agentId: string): End {
    const redis = connectTo(options);
    const gate = createRespGate(redisUser(prefix, agentId));
    /** What Redis has to accept before the rest is let through: the login, and the database. */
    const openers = options.db ? ["login", "database"] : ["login"];
    /** What came behind the login. */
    let held: Buffer[] = [];
    let answer = Buffer.alloc(0);
    let isOver = false;
    const login = setTimeout(() => end(CLOSE_POLICY, "no login"), LOGIN_DEADLINE_MS);
    const idle = setTimeout(() => end(CLOSE_POLICY, "idle"), idleMs);

    function end(code: number, reason: string): void {
      if (isOver) return;
      isOver = true;
      clearTimeout(login);
      clearTimeout(idle);
      redis.destroy();
      // It has to be read for the other side's farewell to be seen.
      socket.resume();
      socket.close(code, reason.slice(0, 100));
      const patience = setTimeout(() => socket.terminate(), FAREWELL_MS);
      socket.once("close", () => clearTimeout(patience));
    }

    function refuse(reason: string): void {
      if (!isOver) warn(agentId, reason);
      end(CLOSE_POLICY, reason);
    }

    const isWaiting = (): boolean => gate.isLoggedIn && openers.length > 0;

    /** An agent that does not read, or is not let in yet, is not listened to either; nor is one faster than Redis. */
    function throttle(): void {
      if (redis.writableNeedDrain || redis.isPaused() || isWaiting()) socket.pause();
      else if (socket.isPaused) socket.resume();
    }

    function pass(bytes: Buffer): void {
      if (isWaiting()) {
        held.push(bytes);
        return;
      }
      try {
        const passed = gate.take(bytes);
        redis.write(bytes.subarray(0, passed));
        if (passed < bytes.length) held.push(bytes.subarray(passed));
      } catch (thrown) {
        if (!(thrown instanceof RespRefusal)) throw thrown;
        refuse(thrown.message);
        return;
      }
      throttle();
    }

    /** Redis answers what opens the connection. */
    function open(bytes: Buffer): void {
      answer = Buffer.concat([answer, bytes]);
      if (answer.length < ACCEPTED.length) return;
      if (openers[0] === "login") giveBack(answer);
      if (!gate.isLoggedIn || !answer.equals(ACCEPTED)) {
        refuse(`Redis says ${answer.toString("latin1", 0, 80).trim()}`);
        return;
      }
      openers.shift();
      answer = Buffer.alloc(0);
      if (openers[0] === "database") redis.write(selectCommand(options.db ?? 0));
      if (openers.length > 0) return;
      clearTimeout(login);
      const all = held;
      held = [];
      for (const piece of all) pass(piece);
      throttle();
    }

    function giveBack(bytes: Buffer): void {
      socket.send(bytes, { binary: true }, () => {
        if (!redis.isPaused() || socket.bufferedAmount > MAX_UNREAD / 2) return;
        redis.resume();
        throttle();
      });
      if (socket.bufferedAmount <= MAX_UNREAD) return;
      redis.pause();
      throttle();
    }

    socket.on("message", (data: RawData, isBinary) => {
      if (isOver) return;
      idle.refresh();
      if (isBinary) pass(data as Buffer);
      else refuse("text where bytes are expected");
    });
    socket.on("ping", () => void (isOver || idle.refresh()));
    socket.on("error", (thrown) => refuse(errorText(thrown)));
    socket.on("close", () => end(CLOSE_GOING_AWAY, "closed"));
    redis.on("drain", throttle);
    redis.on("data", (bytes: Buffer) => (openers.length > 0 ? open(bytes) : giveBack(bytes)));
    redis.on("error", (thrown) => logger.debug({ agent: agentId, reason: errorText(thrown) }, "A tunnel broke"));
    redis.on("close", () => end(CLOSE_GOING_AWAY, "Redis has closed the connection"));
    return end;
  }

  return {
    accept(request, socket, head, { agentId }) {
      const own = agents.get(agentId) ?? new Set();
      if (own.size >= MAX_PER_AGENT) {
        warn(agentId, `it has ${own.size} connections already`);
        socket.end("HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\n\r\n");
        return;
      }
      server.handleUpgrade(request, socket, head, (opened) => {
        const end = serve(opened, agentId);
        agents.set(agentId, own.add(end));
        size++;
        opened.once("close", () => {
          size--;
          own.delete(end);
          if (own.size === 0) agents.delete(agentId);
        });
      });
    },
    cut(agentId) {
      for (const end of agents.get(agentId) ?? []) end(CLOSE_REFUSED, "revoked");
    },
    get size() {
      return size;
    },
    close() {
      for (const own of agents.values()) for (const end of own) end(CLOSE_GOING_AWAY, "the coordinator is stopping");
    },
  };
}

type End = (code: number, reason: string) => void;

const selectCommand = (database: number): string => {
  const text = String(database);
  return `*2\r\n$6\r\nSELECT\r\n$${text.length}\r\n${text}\r\n`;
};

/** What Redis answers to a login. */
const ACCEPTED = Buffer.from("+OK\r\n");

function connectTo({ host = "127.0.0.1", port = 6379, tls }: RedisOptions): Socket {
  const socket = tls ? connectTls({ host, port, ...tls }) : connectTcp({ host, port });
  return socket.setNoDelay(true).setKeepAlive(true, 30_000);
}
