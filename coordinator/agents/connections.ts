import type { UpgradeNews } from "../../shared/agent-message.ts";
import type { Clock } from "../../shared/clock.ts";
import type { CredentialQueue } from "../../shared/credential.ts";
import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/logger.ts";
import type { QueueServer } from "../../shared/queues.ts";
import type { SecretBox } from "../secrets/box.ts";
import { regionKeys } from "../secrets/region-keys.ts";
import type { Stores } from "../store/stores.ts";
import type { Drains } from "./drains.ts";
import { createAgentIdentities } from "./identity.ts";
import { createAgentLinks } from "./link.ts";
import type { LinkedAgents } from "./linked.ts";
import type { Presence } from "./presence.ts";
import { createReissue } from "./reissue.ts";
import { createAgentTunnels } from "./tunnel.ts";

/** What agents connect to, who they are, and how they come to another secret. */
export function createAgentConnections({
  stores: { agentCredentials, audit },
  box,
  presence,
  drains,
  linked,
  letIn,
  queueServer,
  agentQueue,
  onRegion,
  onUpgrade,
  clock,
  logger,
}: {
  readonly stores: Pick<Stores, "agentCredentials" | "audit">;
  readonly box: SecretBox;
  readonly presence: Presence;
  readonly drains: Drains;
  readonly linked: LinkedAgents;
  /** Has the queue server take what agents may come with from now on. */
  readonly letIn: () => Promise<void>;
  readonly queueServer: QueueServer;
  /** How enrolled agents reach the queues. */
  readonly agentQueue: CredentialQueue;
  /** Told of the region of an agent that is linked, again and again. */
  readonly onRegion: (region: string) => void;
  /** Told what an agent says of an upgrade. */
  readonly onUpgrade: (agentId: string, news: UpgradeNews) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}) {
  const reissue = createReissue({
    store: agentCredentials,
    links: linked,
    letIn,
    queue: agentQueue,
    queuePrefix: queueServer.prefix,
    logger,
  });
  const links = createAgentLinks({
    linked,
    presence,
    drains,
    onRegion,
    onUpgrade,
    onEnrolled: reissue.onChange,
    isEnrolled: (id) => identities.isEnrolled(id),
    regionKeysOf: (region) => regionKeys(box, region).all.map(({ bytes }) => bytes.toString("base64")),
    clock,
    logger,
  });
  const tunnels = queueServer.kind === "redis" ? createAgentTunnels({ ...queueServer, logger }) : null;
  const identities = createAgentIdentities({
    store: agentCredentials,
    onAdopted({ agentId, generation }) {
      logger.info({ agent: agentId, generation }, "An agent uses its new secret");
      const entry = {
        actor: agentId,
        action: "agents.rotated",
        subject: agentId,
        detail: { generation },
        address: null,
      };
      audit
        .record(entry)
        .catch((thrown) => logger.error({ ...entry, reason: errorText(thrown) }, "A change is not in the audit log"));
    },
    logger,
  });
  identities.onRevoked((agentId) => {
    logger.info({ agent: agentId }, "An agent has been revoked");
    linked.cut(agentId);
    tunnels?.cut(agentId);
  });
  return { identities, links, tunnels, reissue };
}
