import { hash32 } from "./due.ts";

/**
 * Into how many shards monitors are divided; at most so many coordinators share
 * the dispatching. It is part of every job id and of the stored watermarks, so it
 * stays as it is.
 */
export const SHARDS = 16;

/** The shard of a monitor, from 0; independent of the monitor's phase, which uses the same hash. */
export function shardOf(monitorId: string): number {
  return Math.imul(hash32(monitorId), 0x9e3779b1) >>> 28;
}
