import type { Queue, RedisQueueBackend } from "bullmq";
import type { Redis } from "ioredis";
import { withDeadline } from "../../shared/lifecycle.ts";

const ASK_DEADLINE_MS = 5_000;

/** Whether a fetch failed at a job that no worker can read, such as one whose hash an agent wrote by hand. */
export function isBrokenJob(thrown: unknown): boolean {
  return thrown instanceof SyntaxError;
}

/**
 * Removes the jobs under way whose data or options are no JSON. BullMQ fails to read
 * them before it has a job that could fail, so that they come back with every
 * look for stalled jobs, for ever. In PostgreSQL there are none: its columns are JSON.
 * @returns how many there were.
 */
export async function removeBrokenJobs(queue: Queue): Promise<number> {
  return withDeadline(remove(queue), ASK_DEADLINE_MS, "the queue server did not answer");
}

async function remove(queue: Queue): Promise<number> {
  const client = (await (queue.getBackend() as RedisQueueBackend).client) as unknown as Redis;
  const active = queue.toKey("active");
  let removed = 0;
  for (const id of await client.lrange(active, 0, -1)) {
    const [data, opts] = await client.hmget(queue.toKey(id), "data", "opts");
    if (isJson(data) && isJson(opts)) continue;
    await client.lrem(active, 0, id);
    await client.del(queue.toKey(id));
    removed++;
  }
  return removed;
}

function isJson(text: string | null | undefined): boolean {
  try {
    JSON.parse(text ?? "null");
    return true;
  } catch {
    return false;
  }
}
