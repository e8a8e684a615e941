import { redisPassword, redisUser } from "../shared/agent-secret.ts";
import { ConfigError } from "../shared/errors.ts";
import type { QueueServer } from "../shared/queues.ts";
import { redisOptionsOf } from "../shared/queues.ts";
import type { LiveCredential } from "./credential.ts";

/**
 * The queue server as an enrolled agent reaches it: by its own user of Redis.
 * @throws ConfigError when this agent cannot reach queues that way.
 */
export function queueServerOf(credential: LiveCredential): QueueServer {
  const { agentId, queue, queuePrefix: prefix } = credential.current;
  if (queue.kind === "tunnel") {
    throw new ConfigError("this agent cannot reach the queues through its coordinator: set REDIS_URL or REDIS_HOST");
  }
  return {
    kind: "redis",
    options: { ...redisOptionsOf(queue.url), username: redisUser(prefix, agentId) },
    password: () => redisPassword(credential.current.secret),
    prefix,
  };
}
