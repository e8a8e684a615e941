import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import type { AgentLoad, AgentMessage, CoordinatorMessage, UpgradeNews } from "../shared/agent-message.ts";
import type { Clock } from "../shared/clock.ts";
import { errorText } from "../shared/errors.ts";
import type { Part } from "../shared/lifecycle.ts";
import { CLOSE_REFUSED, HEARTBEAT_MS, LINK_PATH, MAX_LINK_MESSAGE_BYTES, OFFLINE_AFTER_MS } from "../shared/link.ts";
import type { Logger } from "../shared/logger.ts";
import { backoffMs } from "../shared/retry.ts";
import type { ClockSync } from "./clock-sync.ts";
import { throughProxy } from "./proxy.ts";
import { RefusedByCoordinator } from "./refused.ts";
import { webSocketAddress } from "./web-socket-address.ts";

/** The agent's end of its link to the coordinator. Checks go on while it is down. */
export interface Link extends Part {
  /** Hello was answered and messages come. */
  readonly isUp: boolean;
  /** Tells the coordinator now how the agent is, and not only with the next heartbeat. */
  beat(): void;
  /** Has a sample of the coordinator's clock taken. */
  sample(): void;
  /** Tells the coordinator of an upgrade; whether it could be told. */
  tellUpgrade(news: UpgradeNews): boolean;
  /** Tells the coordinator that the agent takes no more checks. */
  sayDraining(): void;
}

const CONNECT_DEADLINE_MS = 10_000;
const RECONNECT = { baseMs: 500, capMs: 15_000 };
/** A refusal may be a proxy's mood; this many in a row are for good. */
const MAX_REFUSALS = 4;
/** Samples taken at once when the link comes up, and the pause between them, in ms. */
const FIRST_SAMPLES = 5;
const FIRST_SAMPLES_EVERY_MS = 50;
/** How long the start waits for a first clock sample, in ms; without one the agent takes no checks. */
const START_DEADLINE_MS = 3_000;
const CLOSE_DEADLINE_MS = 500;

/** How one session of the link ended. */
interface End {
  readonly reason: string;
  readonly refused: boolean;
  /** The coordinator had said welcome. */
  readonly welcomed: boolean;
  /** It was ended to begin anew with another secret. */
  readonly hasNewSecret: boolean;
}

export function createLink(deps: {
  /** The coordinator's base URL. */
  readonly url: string;
  /** What the agent presents now; asked at every connection. */
  readonly token: () => string;
  /** Who may vouch for the coordinator, in PEM; null for the public authorities. */
  readonly authorities?: readonly string[] | null;
  readonly hello: Extract<AgentMessage, { type: "hello" }>;
  readonly load: () => AgentLoad;
  /** The machine's own clock, which the samples are taken of. */
  readonly system: Clock;
  readonly clockSync: ClockSync;
  /** Told after each sample of the coordinator's clock. */
  readonly onSampled: () => void;
  /** Told whether an operator wants the agent to take no checks; at each welcome, and when it changes. */
  readonly onDrained: (isDrained: boolean) => void;
  /** The coordinator tells the keys of the region's secrets. */
  readonly onRegionKeys: (keys: readonly string[]) => void;
  /** Told that an operator wants the agent to become another version. */
  readonly onUpgrade: (version: string) => void;
  /**
   * The coordinator gives the agent another secret. What comes back is its number when it is kept, and is used by a
   * new link at once.
   */
  readonly onCredential: (news: unknown) => Promise<number>;
  /** The coordinator refuses the agent for good. */
  readonly onFatal: (thrown: Error) => void;
  readonly logger: Logger;
}): Link {
  const { system, clockSync, logger } = deps;
  const address = webSocketAddress(deps.url, LINK_PATH);
  const stopped = new AbortController();
  let socket: WebSocket | null = null;
  let isUp = false;
  /** Those of the session that is up. */
  let beat: () => void = () => undefined;
  let sample: () => void = () => undefined;
  let settleStart: () => void = () => undefined;
  /** A clock sample is there, or the first try has failed. */
  const started = new Promise<void>((resolve) => {
    settleStart = resolve;
  });

  async function keepLinked(): Promise<void> {
    let failures = 0;
    let refusals = 0;
    while (!stopped.signal.aborted) {
      const { reason, refused, welcomed, hasNewSecret } = await session();
      settleStart();
      if (stopped.signal.aborted) return;
      if (hasNewSecret) continue;
      refusals = refused ? refusals + 1 : 0;
      if (refusals === MAX_REFUSALS) {
        deps.onFatal(new RefusedByCoordinator(`the coordinator at ${deps.url} refuses this agent: ${reason}`));
        return;
      }
      if (welcomed) failures = 0;
      const pause = backoffMs(failures++, RECONNECT);
      logger.warn(
        { coordinator: deps.url, reason, retryInMs: Math.round(pause) },
        "The link to the coordinator is down",
      );
      await sleep(pause, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  }

  /** One connection, from its start to its end. */
  function session(): Promise<End> {
    return new Promise((resolve) => {
      let welcomed = false;
      let hasNewSecret = false;
      let failure: { reason: string; refused: boolean } | null = null;
      let silence: NodeJS.Timeout | undefined;
      let heartbeat: NodeJS.Timeout | undefined;
      const presented = deps.token();
      const ws = new WebSocket(address, {
        headers: { authorization: `Bearer ${presented}` },
        handshakeTimeout: CONNECT_DEADLINE_MS,
        maxPayload: MAX_LINK_MESSAGE_BYTES,
        perMessageDeflate: false,
        followRedirects: false,
        ...throughProxy(address),
        ...(deps.authorities && { ca: [...deps.authorities] }),
      });
      socket = ws;
      const send = (message: AgentMessage) => {
        if (ws.readyState === WebSocket.OPEN) ws.send(JSON.stringify(message));
      };
      const listen = () => {
        clearTimeout(silence);
        silence = setTimeout(() => {
          failure ??= { reason: "the coordinator is silent", refused: false };
          ws.terminate();
        }, OFFLINE_AFTER_MS);
      };
      let hasBeaten = false;
      beat = () => {
        if (!welcomed) return;
        hasBeaten = true;
        send({ type: "heartbeat", load: deps.load() });
      };
      sample = () => {
        if (welcomed) send({ type: "clock", t0: system.now() });
      };
      const takeCredential = async (news: unknown) => {
        try {
          const generation = await deps.onCredential(news);
          send({ type: "credential-kept", generation });
          // Another process of this agent may have kept it first.
          if (deps.token() === presented) return;
          logger.info({ generation }, "The coordinator gave this agent a new secret");
          hasNewSecret = true;
          ws.close(1000);
        } catch (thrown) {
          logger.error({ reason: errorText(thrown) }, "A new secret cannot be kept: the present one stays in use");
        }
      };
      ws.on("open", () => {
        send(deps.hello);
        listen();
      });
      ws.on("message", (data) => {
        const t3 = system.now();
        listen();
        const message = read(String(data));
        if (message?.type === "welcome") {
          welcomed = true;
          isUp = true;
          logger.info({ coordinator: deps.url }, "Linked to the coordinator");
          deps.onDrained(message.drained === true);
          heartbeat = setInterval(() => {
            beat();
            sample();
          }, HEARTBEAT_MS);
          void takeFirstSamples();
        } else if (message?.type === "clock") {
          clockSync.add({ t0: message.t0, t1: message.t1, t2: message.t2, t3 });
          deps.onSampled();
          settleStart();
          // Only now it is known whether it takes checks.
          if (!hasBeaten) beat();
        } else if (message?.type === "drain" || message?.type === "resume") {
          deps.onDrained(message.type === "drain");
        } else if (message?.type === "upgrade") {
          deps.onUpgrade(String(message.version));
        } else if (message?.type === "credential") {
          void takeCredential(message.credential);
        } else if (message?.type === "region-keys") {
          deps.onRegionKeys(message.keys);
        }
      });
      ws.on("unexpected-response", (request, response) => {
        const { statusCode } = response;
        failure = { reason: `HTTP status ${statusCode}`, refused: statusCode === 401 || statusCode === 403 };
        request.destroy();
        ws.terminate();
      });
      ws.on("error", (thrown) => {
        failure ??= { reason: errorText(thrown), refused: false };
      });
      ws.on("close", (code, closeReason) => {
        clearTimeout(silence);
        clearInterval(heartbeat);
        isUp = false;
        socket = null;
        const end = failure ?? {
          reason: `closed with ${code}${closeReason.length > 0 ? `: ${closeReason.toString().slice(0, 200)}` : ""}`,
          refused: code === CLOSE_REFUSED,
        };
        resolve({ ...end, welcomed, hasNewSecret });
      });
    });
  }

  async function takeFirstSamples(): Promise<void> {
    for (let taken = 0; taken < FIRST_SAMPLES; taken++) {
      if (taken > 0) await sleep(FIRST_SAMPLES_EVERY_MS);
      sample();
    }
  }

  return {
    get isUp() {
      return isUp;
    },
    beat: () => beat(),
    sample: () => sample(),
    tellUpgrade(news) {
      if (!isUp || socket?.readyState !== WebSocket.OPEN) return false;
      socket.send(JSON.stringify(news));
      return true;
    },
    sayDraining() {
      if (isUp) socket?.send(JSON.stringify({ type: "draining" } satisfies AgentMessage));
    },
    async start() {
      void keepLinked();
      const patience = setTimeout(settleStart, START_DEADLINE_MS);
      await started;
      clearTimeout(patience);
    },
    async stop() {
      stopped.abort();
      const closing = socket;
      if (closing === null) return;
      const closed = new Promise<void>((resolve) => closing.once("close", () => resolve()));
      closing.close(1000);
      const patience = setTimeout(() => closing.terminate(), CLOSE_DEADLINE_MS);
      await closed;
      clearTimeout(patience);
    },
  };
}

/** The message, or null for what a newer coordinator may say. */
function read(text: string): CoordinatorMessage | null {
  let message: Partial<Extract<CoordinatorMessage, { type: "clock" }>>;
  try {
    message = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof message !== "object" || message === null) return null;
  if (message.type === "clock" && ![message.t0, message.t1, message.t2].every(Number.isFinite)) return null;
  const { type, keys } = message as { readonly type?: unknown; readonly keys?: unknown };
  if (type === "region-keys" && !(Array.isArray(keys) && keys.every((key) => typeof key === "string"))) return null;
  return message as CoordinatorMessage;
}
