import { isRegion, regionRule } from "./region.ts";

/** How an agent reaches the queues: through its coordinator, or a Redis of its own accord. */
export type CredentialQueue = { readonly kind: "tunnel" } | { readonly kind: "redis"; readonly url: string };

/** What enrolment makes of an agent: who it is, what proves it, and where it belongs. */
export interface AgentCredential {
  readonly v: 1;
  readonly agentId: string;
  readonly secret: string;
  /** Counts the secrets of this agent, from 1. */
  readonly generation: number;
  readonly region: string;
  /** The coordinator's base URL. */
  readonly coordinatorUrl: string;
  readonly queue: CredentialQueue;
  readonly queuePrefix: string;
}

/**
 * A credential out of anything, a file's text or a message's member say.
 * @throws Error naming the field and its rule; never with the secret.
 */
export function readCredential(value: unknown): AgentCredential {
  const given = (typeof value === "string" ? parseJson(value) : value) as Partial<AgentCredential> | null;
  if (typeof given !== "object" || given === null || given.v !== 1) throw new Error("v must be 1");
  const { agentId, secret, generation, region, coordinatorUrl, queue, queuePrefix } = given;
  const text = (name: string, value: unknown, pattern: RegExp): string => {
    if (typeof value !== "string" || !pattern.test(value)) throw new Error(`${name} must match ${pattern.source}`);
    return value;
  };
  if (typeof region !== "string" || !isRegion(region)) throw new Error(`region ${regionRule}`);
  if (!Number.isInteger(generation) || Number(generation) < 1) throw new Error("generation must be 1 or more");
  return {
    v: 1,
    agentId: text("agentId", agentId, /^agt_[0-9a-z]{20}$/),
    secret: text("secret", secret, /^wps_[0-9A-Za-z]{43}$/),
    generation: Number(generation),
    region,
    coordinatorUrl: urlOf("coordinatorUrl", coordinatorUrl, ["http:", "https:"]),
    queue: readQueue(queue),
    queuePrefix: text("queuePrefix", queuePrefix, /^[A-Za-z0-9_-]{1,32}$/),
  };
}

function readQueue(queue: unknown): CredentialQueue {
  const { kind, url } = (queue ?? {}) as { kind?: unknown; url?: unknown };
  if (kind === "tunnel") return { kind };
  if (kind === "redis") return { kind, url: urlOf("queue.url", url, ["redis:", "rediss:"]) };
  throw new Error("queue.kind must be tunnel or redis");
}

function urlOf(name: string, value: unknown, protocols: readonly string[]): string {
  if (typeof value === "string" && URL.canParse(value) && protocols.includes(new URL(value).protocol)) return value;
  throw new Error(`${name} must be a URL of ${protocols.map((protocol) => `${protocol}//…`).join(" or ")}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is wrong with the text may show a part of it.
    throw new Error("the text must be JSON");
  }
}
