import { isIdOf } from "../shared/agent-secret.ts";
import type { SpooledBatch } from "./spool.ts";

/** As whom an agent sends results. */
export interface Sender {
  /** Its id, or that of one of its processes. */
  readonly agentId: string;
  /** The id that it was enrolled with, and beyond which it may not write; null of an agent that shares its token. */
  readonly enrolledAs: string | null;
  readonly region: string;
}

/** What of the spool an agent can send, and how. */
export interface Sendable {
  readonly entries: readonly SpooledBatch[];
  /** How many results and misses of these it has from who it was before. */
  readonly inherited: number;
  /** How many it cannot send. */
  readonly foreign: number;
}

/**
 * Who was enrolled anew finds in its spool what the same machine measured when it was another agent. These are true
 * results of its region, and it answers for them in its own name: its user of Redis may write under no other, and the
 * coordinator believes no agent in another's name. What was measured for another region it cannot send: the
 * coordinator takes the region from the queue.
 */
export function sendable(spooled: readonly SpooledBatch[], { agentId, enrolledAs, region }: Sender): Sendable {
  const ofRegion = spooled.filter((entry) => entry.region === region);
  const isOwn = ({ id, batch }: SpooledBatch) =>
    enrolledAs === null || [batch.agentId, id.slice(0, id.lastIndexOf("."))].every((one) => isIdOf(enrolledAs, one));
  return {
    entries: ofRegion.map((entry) => (isOwn(entry) ? entry : inNameOf(agentId, entry))),
    inherited: countOf(ofRegion.filter((entry) => !isOwn(entry))),
    foreign: countOf(spooled) - countOf(ofRegion),
  };
}

/** Under the same id each time: an attempt that timed out may have landed all the same. */
function inNameOf(agentId: string, { id, region, batch }: SpooledBatch): SpooledBatch {
  return { id: `${agentId}.${id.slice(id.lastIndexOf(".") + 1)}`, region, batch: { ...batch, agentId } };
}

function countOf(entries: readonly SpooledBatch[]): number {
  return entries.reduce((sum, { batch }) => sum + batch.results.length + batch.misses.length, 0);
}
