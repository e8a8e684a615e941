import { redisPassword, redisUser } from "../shared/agent-secret.ts";
import type { AgentCredential } from "../shared/credential.ts";
import { ConfigError } from "../shared/errors.ts";
import type { QueueServer } from "../shared/queues.ts";
import { redisOptionsOf } from "../shared/queues.ts";

/**
 * The queue server as an enrolled agent reaches it: by its own user of Redis.
 * @throws ConfigError when this agent cannot reach queues that way.
 */
export function queueServerOf({ agentId, secret, queue, queuePrefix: prefix }: AgentCredential): QueueServer {
  if (queue.kind === "tunnel") {
    throw new ConfigError("this agent cannot reach the queues through its coordinator: set REDIS_URL or REDIS_HOST");
  }
  const own = { username: redisUser(prefix, agentId), password: redisPassword(secret) };
  return { kind: "redis", options: { ...redisOptionsOf(queue.url), ...own }, prefix };
}
