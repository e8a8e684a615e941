import { redisPassword, redisUser, writeBearer } from "../shared/agent-secret.ts";
import type { QueueServer } from "../shared/queues.ts";
import { redisOptionsOf } from "../shared/queues.ts";
import type { LiveCredential } from "./credential.ts";
import { createTunnelConnector } from "./tunnel.ts";

/**
 * The queue server as an enrolled agent reaches it: by its own user of Redis, directly or through its coordinator.
 * @param coordinatorUrl the coordinator's base URL
 * @param authorities who may vouch for the coordinator, in PEM; null for the public authorities
 */
export function queueServerOf(
  credential: LiveCredential,
  coordinatorUrl: string,
  authorities: readonly string[] | null,
): QueueServer {
  const { agentId, queue, queuePrefix: prefix } = credential.current;
  const way =
    queue.kind === "redis"
      ? redisOptionsOf(queue.url)
      : {
          Connector: createTunnelConnector({
            coordinatorUrl,
            authorities,
            bearer: () => writeBearer(credential.current),
          }),
        };
  return {
    kind: "redis",
    options: { ...way, username: redisUser(prefix, agentId) },
    password: () => redisPassword(credential.current.secret),
    prefix,
  };
}
