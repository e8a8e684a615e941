import type { AgentLoad, AgentMessage } from "../../shared/agent-message.ts";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import { OFFLINE_AFTER_MS } from "../../shared/link.ts";
import type { Logger } from "../../shared/logger.ts";
import type { AgentSighting, AgentStore } from "../store/agents.ts";
import { takesChecks } from "./state.ts";

type Hello = Extract<AgentMessage, { type: "hello" }>;

/** How often sightings are written, and those of other coordinators read, in ms. */
const SHARE_EVERY_MS = 1_000;
/** A coordinator that starts counts on the agents that were seen in this time before, in ms. */
const REMEMBERED_MS = 600_000;
/** An agent that was gone for so long is forgotten, in ms. */
const FORGET_AFTER_MS = 86_400_000;

/**
 * Which agents live. A sign of life is a message on an agent's link or a job in its
 * region's results queue, so that an agent whose link is cut still counts. What
 * this coordinator sees it shares with the others through PostgreSQL.
 */
export interface Presence extends Part {
  hello(hello: Hello): void;
  heartbeat(agentId: string, load: AgentLoad): void;
  /** The agent takes no more checks. */
  draining(agentId: string): void;
  /** The agent answered through the results queue of a region, so many ms ago. */
  answered(region: string, agentId: string, agoMs: number): void;
  /** Whether a region has an agent that takes checks. */
  isLive(region: string): boolean;
  /** The canaries that fail in a region when they do for all its live agents, else none; null when no agent says. */
  failingCanaries(region: string): readonly string[] | null;
}

interface Known extends Omit<AgentSighting, "seenAgoMs" | "toldAgoMs"> {
  /** By the monotonic clock, in ms. */
  readonly seenAt: number;
  /** When it last said something of itself; null when only results of it were seen. */
  readonly toldAt: number | null;
  /** Seen by this coordinator and not written yet. */
  readonly unshared: boolean;
}

export function createPresence({
  store,
  isDrained,
  clock,
  logger,
}: {
  readonly store: Pick<AgentStore, "record" | "seenWithin" | "forget">;
  /** Whether an operator wants an agent to take no checks. */
  readonly isDrained: (agentId: string) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}): Presence {
  const agents = new Map<string, Known>();
  let timer: NodeJS.Timeout | undefined;
  let sharing: Promise<void> | undefined;

  function hear(id: string, news: Partial<Known>): void {
    const known = agents.get(id);
    const now = clock.monotonic();
    if (known) agents.set(id, { ...known, ...news, seenAt: now, toldAt: now, unshared: true });
  }

  /** What is kept of an agent that another coordinator, or an earlier one, has seen. */
  function learn({ seenAgoMs, toldAgoMs, ...agent }: AgentSighting, now: number): void {
    const { id, region, version, host, node, draining, load } = agent;
    const seenAt = now - seenAgoMs;
    const toldAt = toldAgoMs === null ? null : now - toldAgoMs;
    const known = agents.get(id);
    if (!known) {
      agents.set(id, { id, region, version, host, node, draining, load, seenAt, toldAt, unshared: false });
      return;
    }
    const isNews = (toldAt ?? Number.NEGATIVE_INFINITY) > (known.toldAt ?? Number.NEGATIVE_INFINITY);
    agents.set(id, {
      ...known,
      ...(isNews && { region, version, host, node, draining, load, toldAt }),
      seenAt: Math.max(seenAt, known.seenAt),
    });
  }

  async function share(): Promise<void> {
    const mine = [...agents.values()].filter(({ unshared }) => unshared);
    const now = clock.monotonic();
    if (mine.length > 0) {
      await store.record(
        mine.map(({ seenAt, toldAt, unshared: _, ...agent }) => ({
          ...agent,
          seenAgoMs: now - seenAt,
          toldAgoMs: toldAt === null ? null : now - toldAt,
        })),
      );
      for (const agent of mine) {
        if (agents.get(agent.id) === agent) agents.set(agent.id, { ...agent, unshared: false });
      }
    }
    for (const agent of await store.seenWithin(OFFLINE_AFTER_MS)) learn(agent, clock.monotonic());
    await store.forget(FORGET_AFTER_MS);
  }

  function isOnline({ seenAt }: Known): boolean {
    return clock.monotonic() - seenAt < OFFLINE_AFTER_MS;
  }

  function* liveIn(region: string): Generator<Known> {
    for (const agent of agents.values()) {
      const { id, draining, load } = agent;
      if (agent.region !== region || draining || !takesChecks(load) || isDrained(id)) continue;
      if (isOnline(agent)) yield agent;
    }
  }

  function tick(): void {
    for (const [id, agent] of agents) {
      if (isOnline(agent) || agent.unshared) continue;
      agents.delete(id);
      logger.warn({ agent: id, region: agent.region }, "An agent is offline");
    }
    sharing ??= share()
      .catch((thrown) => logger.warn({ reason: errorText(thrown) }, "Agent presence could not be shared"))
      .finally(() => {
        sharing = undefined;
      });
  }

  return {
    async start() {
      // Those that were there before get the time to be heard of again: a coordinator that restarts is not their absence.
      const now = clock.monotonic();
      for (const agent of await store.seenWithin(REMEMBERED_MS)) learn({ ...agent, seenAgoMs: 0 }, now);
      timer = setInterval(tick, SHARE_EVERY_MS);
    },
    async stop() {
      clearInterval(timer);
      await sharing;
    },
    hello({ agentId: id, region, version, host, node }) {
      const now = clock.monotonic();
      agents.set(id, {
        id,
        region,
        version,
        host,
        node,
        draining: false,
        load: null,
        seenAt: now,
        toldAt: now,
        unshared: true,
      });
    },
    heartbeat: (agentId, load) => hear(agentId, { load }),
    draining: (agentId) => hear(agentId, { draining: true }),
    answered(region, agentId, agoMs) {
      if (agoMs >= OFFLINE_AFTER_MS) return;
      const known = agents.get(agentId);
      const seenAt = clock.monotonic() - agoMs;
      if (!known) agents.set(agentId, unknownAgent(region, agentId, seenAt));
      else if (known.seenAt < seenAt) agents.set(agentId, { ...known, seenAt, unshared: true });
    },
    isLive: (region) => !liveIn(region).next().done,
    failingCanaries(region) {
      const told = [...liveIn(region)].map(({ load }) => load?.failingCanaries ?? null);
      if (told.every((one) => one === null)) return null;
      const isFailing = told.every((one) => one !== null && one.length > 0);
      return isFailing ? [...new Set(told.flatMap((one) => one ?? []))].sort() : [];
    },
  };
}

/** An agent of which nothing but its results has been seen: its link was never up while this coordinator ran. */
function unknownAgent(region: string, id: string, seenAt: number): Known {
  return {
    id,
    region,
    version: "",
    host: "",
    node: "",
    draining: false,
    load: null,
    seenAt,
    toldAt: null,
    unshared: true,
  };
}
