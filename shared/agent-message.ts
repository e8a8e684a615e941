import { z } from "zod";
import type { AgentCredential } from "./credential.ts";
import { isRegion, regionRule } from "./region.ts";

const count = z.int().min(0);
const span = z.number().min(0);

/** What an agent tells of itself while it runs; what is optional older agents do not tell. */
const load = z.object({
  /**
   * Whether it takes checks; if not, whether it still performs some that it took. An agent takes none
   * while it is drained, and while its clock cannot be corrected.
   */
  work: z.enum(["taking", "finishing", "idle"]).optional(),
  /** Why its clock cannot be corrected; null when it can. */
  clockTrouble: z.string().max(300).nullable().optional(),
  inFlight: count,
  /** How many checks may be in flight. */
  capacity: count.optional(),
  /** Half and 99 of 100 checks of the last minute began no later than this after their instants, in ms; null of none. */
  lateness: z.object({ p50Ms: span, p99Ms: span, checks: count }).nullable().optional(),
  /** Results not yet accepted by the queue. */
  outbox: count,
  /** What they take in memory, about, and how much they may. */
  outboxBytes: count.optional(),
  outboxMaxBytes: count.optional(),
  /** Results that wait on disk until the queue takes them again; older agents do not tell. */
  spooled: count.optional(),
  /** What they take on disk, and how much they may. */
  spoolBytes: count.optional(),
  spoolMaxBytes: count.optional(),
  /** ms since results were last dropped from there, because they were too many or too old; null for never. */
  droppedAgoMs: span.nullable().optional(),
  /** The worst event-loop delay since the last heartbeat, in ms. */
  loopDelayMs: z.number().min(0),
  /** The agent's clock minus the coordinator's, in ms, and how far off that may be; null before the first sample. */
  clockOffsetMs: z.number().nullable(),
  clockErrorMs: z.number().min(0).nullable(),
  /** ms since the last completed fetch from the queue; null before the first. */
  lastFetchAgoMs: z.number().min(0).nullable(),
  /** Those canaries of its own network that fail; null before they were asked; older agents do not tell. */
  failingCanaries: z.array(z.string().max(300)).max(4).nullable().optional(),
  /** How much of one core it took since the last heartbeat: 1 is all of it. */
  cpu: span.optional(),
  /** Resident memory. */
  rssBytes: count.optional(),
  /** Whether there is somebody on its machine who puts another version in its place when it asks. */
  upgradable: z.boolean().optional(),
});

/** From agent to coordinator. */
export const agentMessage = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("hello"),
    v: z.literal(1),
    agentId: z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/),
    region: z.string().refine(isRegion, { message: regionRule }),
    version: z.string().max(64),
    host: z.string().max(255),
    node: z.string().max(32),
  }),
  z.object({ type: z.literal("heartbeat"), load }),
  /** A clock sample's question: `t0` is the agent's time of sending. */
  z.object({ type: z.literal("clock"), t0: z.number() }),
  /** What becomes of the upgrade to a version: it was asked for on the agent's machine, or how it ended. */
  z.object({
    type: z.literal("upgrade"),
    version: z.string().max(64),
    state: z.enum(["requested", "done", "rolled-back", "failed"]),
    detail: z.string().max(1_000).optional(),
  }),
  /** The agent takes no more checks and will go when it has finished those it has. */
  z.object({ type: z.literal("draining") }),
  /** The agent has kept the secret of this number, and comes back with it at once. */
  z.object({ type: z.literal("credential-kept"), generation: z.int().min(1) }),
]);

/** From coordinator to agent. */
export const coordinatorMessage = z.discriminatedUnion("type", [
  /** Whether an operator has drained it: it stays linked, and takes no checks until it is told to resume. */
  z.object({ type: z.literal("welcome"), v: z.literal(1), drained: z.boolean().optional() }),
  /** A clock sample's answer, RFC 5905 §8: received at `t1`, sent at `t2`, by the coordinator's clock. */
  z.object({ type: z.literal("clock"), t0: z.number(), t1: z.number(), t2: z.number() }),
  /** An operator wants the agent to become this version. */
  z.object({ type: z.literal("upgrade"), version: z.string().max(64) }),
  z.object({ type: z.literal("drain") }),
  z.object({ type: z.literal("resume") }),
  /** Another secret for the agent, which it is to keep and to use. */
  z.object({ type: z.literal("credential"), credential: z.custom<CredentialNews>() }),
  /** With what the secrets of the region's checks may be sealed: 32 bytes each, in base64. Follows the welcome. */
  z.object({ type: z.literal("region-keys"), keys: z.array(z.string()) }),
]);

/** What an agent is given in exchange for its credential: the rest of it stays. */
export type CredentialNews = Omit<AgentCredential, "region" | "coordinatorUrl">;

export type AgentMessage = z.output<typeof agentMessage>;
export type CoordinatorMessage = z.output<typeof coordinatorMessage>;
export type AgentLoad = z.output<typeof load>;
/** What an agent says of an upgrade. */
export type UpgradeNews = Extract<AgentMessage, { type: "upgrade" }>;
