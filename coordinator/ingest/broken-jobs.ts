import type { Job, Queue, RedisQueueBackend } from "bullmq";
import type { Redis } from "ioredis";
import { withDeadline } from "../../shared/lifecycle.ts";
import { isRefused } from "../../shared/queues.ts";

const ASK_DEADLINE_MS = 5_000;

/**
 * Whether a worker failed at a job that none can read or finish, such as one whose hash an
 * agent wrote by hand: it is no JSON, or a script followed it to a key of another queue.
 */
export function isBrokenJob(thrown: unknown): boolean {
  return thrown instanceof SyntaxError || thrown instanceof TypeError || isRefused(thrown);
}

/** Results have no parents: BullMQ's scripts would write to the key that is named as one. */
export function hasForgedParent({ parentKey, parent }: Pick<Job, "parentKey" | "parent">): boolean {
  return parentKey !== undefined || parent !== undefined;
}

/**
 * Removes the jobs that cannot be worked on: those under way that are no JSON, and those
 * under way or finished that name a parent. BullMQ fails to read the former before it has a job
 * that could fail, so that they come back with every look for stalled jobs, for ever; at
 * the latter its scripts end half-way, also when they clear away old jobs. In
 * PostgreSQL there are none: agents cannot write its tables past BullMQ.
 * @returns how many there were.
 */
export async function removeBrokenJobs(queue: Queue): Promise<number> {
  return withDeadline(remove(queue), ASK_DEADLINE_MS, "the queue server did not answer");
}

async function remove(queue: Queue): Promise<number> {
  const client = (await (queue.getBackend() as RedisQueueBackend).client) as unknown as Redis;
  let removed = 0;
  for (const id of await client.lrange(queue.toKey("active"), 0, -1)) {
    const [data, opts, progress, ...parents] = await client.hmget(
      queue.toKey(id),
      "data",
      "opts",
      "progress",
      ...PARENT,
    );
    if (isJson(data) && isJsonObject(opts) && isJson(progress) && parents.every(isNothing)) continue;
    await client.lrem(queue.toKey("active"), 0, id);
    await client.del(queue.toKey(id));
    removed++;
  }
  for (const state of ["completed", "failed"]) {
    for (const id of await client.zrange(queue.toKey(state), 0, -1)) {
      if ((await client.hmget(queue.toKey(id), ...PARENT)).every(isNothing)) continue;
      await client.zrem(queue.toKey(state), id);
      await client.del(queue.toKey(id));
      removed++;
    }
  }
  return removed;
}

const PARENT = ["parentKey", "parent"];

const isNothing = (field: string | null): boolean => field === null;

const isJsonObject = (text: string | null | undefined): boolean =>
  isJson(text) && (text === null || text === undefined || JSON.parse(text) !== null);

function isJson(text: string | null | undefined): boolean {
  try {
    JSON.parse(text ?? "null");
    return true;
  } catch {
    return false;
  }
}
