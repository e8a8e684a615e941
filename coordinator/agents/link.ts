import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import { WebSocketServer } from "ws";
import type { AgentMessage, CoordinatorMessage, UpgradeNews } from "../../shared/agent-message.ts";
import { agentMessage } from "../../shared/agent-message.ts";
import { isIdOf } from "../../shared/agent-secret.ts";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { CLOSE_REFUSED, HEARTBEAT_MS, MAX_LINK_MESSAGE_BYTES, OFFLINE_AFTER_MS } from "../../shared/link.ts";
import type { Logger } from "../../shared/logger.ts";
import type { Drains } from "./drains.ts";
import type { AgentIdentity } from "./identity.ts";
import type { LinkedAgents } from "./linked.ts";
import { endLink } from "./linked.ts";
import type { Presence } from "./presence.ts";

/** RFC 6455 §7.4.1: the endpoint is going away. */
const CLOSE_GOING_AWAY = 1001;
/** Of the same registry: something is wrong that may pass. */
const CLOSE_TRY_AGAIN = 1013;
/** No agent needs more messages between two heartbeats; one that sends more is cut off. */
const MAX_MESSAGES_PER_HEARTBEAT = 100;

type Hello = Extract<AgentMessage, { type: "hello" }>;

/** The coordinator's end of the agents' links. */
export interface AgentLinks {
  /**
   * Takes over an HTTP upgrade whose credentials have been checked.
   * @param identity null of an agent that shares its token with others and may say who it is
   */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, identity: AgentIdentity | null): void;
  close(): void;
}

export function createAgentLinks({
  linked,
  presence,
  drains,
  onRegion,
  onUpgrade,
  onEnrolled,
  isEnrolled,
  regionKeysOf,
  clock,
  logger,
}: {
  readonly linked: Pick<LinkedAgents, "join" | "leave">;
  readonly presence: Presence;
  readonly drains: Pick<Drains, "known" | "isDrained" | "onLearned">;
  /**
   * Told of an agent's region at its hello, and at every heartbeat again: there may have been nowhere to keep it,
   * or it may have been retired. An agent that leaves says nothing for its region.
   */
  readonly onRegion: (region: string) => void;
  /** Told what an agent says of an upgrade. */
  readonly onUpgrade: (agentId: string, news: UpgradeNews) => void;
  /** Told of an enrolled agent at its hello. */
  readonly onEnrolled: (agentId: string) => void;
  /** Whether an id is that of an agent that was enrolled. Rejects when nobody can tell now. */
  readonly isEnrolled: (agentId: string) => Promise<boolean>;
  /** With what the secrets of a region's checks may be sealed, in base64. */
  readonly regionKeysOf: (region: string) => string[];
  readonly clock: Clock;
  readonly logger: Logger;
}): AgentLinks {
  const server = new WebSocketServer({ noServer: true, maxPayload: MAX_LINK_MESSAGE_BYTES, perMessageDeflate: false });

  function serve(socket: WebSocket, identity: AgentIdentity | null): void {
    let agent: { readonly id: string; readonly region: string; readonly draining: boolean } | undefined;
    let messages = 0;
    // Silence and floods both end the link; the agent comes back by itself.
    let silence = setTimeout(() => socket.terminate(), OFFLINE_AFTER_MS);
    const quota = setInterval(() => {
      messages = 0;
    }, HEARTBEAT_MS);

    if (identity) linked.join(identity.agentId, socket);

    /** Ends that the agent is told when it is drained or resumed. */
    let tellNoMore = (): void => undefined;
    const send = (message: CoordinatorMessage): void => {
      if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
    };

    function take(message: AgentMessage, receivedAt: number): void {
      if (message.type === "hello") {
        if (identity === null) return void greetUnknown(message);
        const isItself = isIdOf(identity.agentId, message.agentId) && identity.region === message.region;
        if (isItself) greet(message);
        else refuse(message, "an agent speaks for its own id and region only");
      } else if (!agent) {
        socket.close(CLOSE_REFUSED, "the first message must be hello");
      } else if (message.type === "heartbeat") {
        presence.heartbeat(agent.id, message.load);
        if (!agent.draining) onRegion(agent.region);
      } else if (message.type === "clock") {
        send({ type: "clock", t0: message.t0, t1: receivedAt, t2: clock.now() });
      } else if (message.type === "credential-kept") {
        logger.info({ agent: agent.id, generation: message.generation }, "An agent keeps its new secret");
      } else if (message.type === "upgrade") {
        onUpgrade(agent.id, message);
      } else {
        agent = { ...agent, draining: true };
        presence.draining(agent.id);
      }
    }

    function greet(hello: Hello): void {
      const { agentId, region, version } = hello;
      agent = { id: agentId, region, draining: false };
      presence.hello(hello);
      onRegion(region);
      logger.info({ agent: agentId, region, version }, "An agent is linked");
      void drains.known.then(() => welcome(hello));
    }

    /** An agent that shares its token is who it says, but nobody who has a secret of its own. */
    async function greetUnknown(hello: Hello): Promise<void> {
      socket.pause();
      try {
        if (await isEnrolled(hello.agentId))
          refuse(hello, "this id is that of an enrolled agent, which has a secret of its own");
        else greet(hello);
      } catch (thrown) {
        logger.warn({ hello: hello.agentId, reason: errorText(thrown) }, "It could not be told whose id an agent says");
        socket.close(CLOSE_TRY_AGAIN, "whose id this is cannot be told now");
      } finally {
        socket.resume();
      }
    }

    function refuse({ agentId, region }: Hello, rule: string): void {
      logger.warn({ agent: identity?.agentId, hello: agentId, region, rule }, "Refused an agent's hello");
      socket.close(CLOSE_REFUSED, rule);
    }

    /** What an agent is to know before it takes checks; nobody can tell it while that cannot be read. */
    function welcome({ agentId, region }: Hello): void {
      if (socket.readyState !== socket.OPEN) return;
      let told = drains.isDrained(agentId);
      tellNoMore();
      tellNoMore = drains.onLearned(() => {
        const drained = drains.isDrained(agentId);
        if (drained !== told) send({ type: drained ? "drain" : "resume" });
        told = drained;
      });
      send({ type: "welcome", v: 1, drained: told });
      send({ type: "region-keys", keys: regionKeysOf(region) });
      if (identity) onEnrolled(identity.agentId);
    }

    socket.on("message", (data: RawData) => {
      const receivedAt = clock.now();
      clearTimeout(silence);
      silence = setTimeout(() => socket.terminate(), OFFLINE_AFTER_MS);
      if (++messages > MAX_MESSAGES_PER_HEARTBEAT) return socket.terminate();
      const message = parse(data);
      if (typeof message === "string") return socket.close(CLOSE_REFUSED, message.slice(0, 120));
      take(message, receivedAt);
    });
    socket.on("error", (thrown) =>
      logger.debug({ agent: agent?.id, reason: errorText(thrown) }, "An agent's link broke"),
    );
    socket.on("close", () => {
      clearTimeout(silence);
      clearInterval(quota);
      tellNoMore();
      if (identity) linked.leave(identity.agentId, socket);
      if (!agent) return;
      logger.info({ agent: agent.id }, agent.draining ? "An agent has left" : "An agent's link is down");
    });
  }

  return {
    accept: (request, socket, head, identity) =>
      server.handleUpgrade(request, socket, head, (link) => serve(link, identity)),
    close() {
      for (const client of server.clients) endLink(client, CLOSE_GOING_AWAY, "the coordinator is stopping");
    },
  };
}

/** The message, or what is wrong with it. */
function parse(data: RawData): AgentMessage | string {
  let json: unknown;
  try {
    json = JSON.parse(String(data));
  } catch {
    return "not JSON";
  }
  const parsed = agentMessage.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  return issue ? `${issue.path.join(".")}: ${issue.message}` : "not a message";
}
