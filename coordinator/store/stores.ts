import type { ChannelType } from "../notify/channels/channel.ts";
import type { SecretBox } from "../secrets/box.ts";
import { createAgentCredentialStore } from "./agent-credentials.ts";
import { createAgentTroubleStore } from "./agent-troubles.ts";
import { createAgentUpgradeStore } from "./agent-upgrades.ts";
import { createAgentStore } from "./agents.ts";
import { createApiTokenStore } from "./api-tokens.ts";
import { createAuditStore } from "./audit.ts";
import { createCertificateStore } from "./certificates.ts";
import { createAlertRuleStore, createChannelStore } from "./channels.ts";
import type { ClickHouse } from "./clickhouse.ts";
import { createDeliveryStore } from "./deliveries.ts";
import { createDeploymentStore } from "./deployment.ts";
import { createDrainStore } from "./drains.ts";
import { createEnrollmentStore } from "./enrollment.ts";
import { createImpairmentStore } from "./impairments.ts";
import { createIncidentStore } from "./incident-store.ts";
import { createJudgedStore } from "./judged.ts";
import { createMaintenanceStore } from "./maintenance.ts";
import { createMonitorStore } from "./monitors.ts";
import type { Postgres } from "./postgres.ts";
import { createRegionStore } from "./regions.ts";
import { createResultStore } from "./results.ts";
import { createShardStore } from "./shards.ts";
import { createStatusStore } from "./status.ts";
import { createVerdictHistoryStore } from "./verdict-history.ts";
import { createVerdictStore } from "./verdicts.ts";

/** What is stored, each kind behind a store of its own; none of them holds anything itself. */
export type Stores = ReturnType<typeof createStores>;

export function createStores({
  postgres,
  clickhouse,
  box,
  secretsOf,
}: {
  readonly postgres: Postgres;
  readonly clickhouse: ClickHouse;
  /** What seals the secrets of monitors and channels. */
  readonly box: SecretBox;
  /** The settings of a type of channel that are secrets. */
  readonly secretsOf: (type: ChannelType) => readonly string[];
}) {
  return {
    agentCredentials: createAgentCredentialStore(postgres),
    agentTroubles: createAgentTroubleStore(postgres),
    agentUpgrades: createAgentUpgradeStore(postgres),
    agents: createAgentStore(postgres),
    apiTokens: createApiTokenStore(postgres),
    audit: createAuditStore(postgres),
    certificates: createCertificateStore(postgres),
    channels: createChannelStore(postgres, { box, secretsOf }),
    deliveries: createDeliveryStore(postgres),
    deployment: createDeploymentStore(postgres),
    drains: createDrainStore(postgres),
    enrollment: createEnrollmentStore(postgres),
    impairments: createImpairmentStore(postgres),
    incidents: createIncidentStore(postgres),
    judged: createJudgedStore(postgres, clickhouse),
    maintenance: createMaintenanceStore(postgres),
    monitors: createMonitorStore(postgres, box),
    regions: createRegionStore(postgres),
    results: createResultStore(clickhouse),
    rules: createAlertRuleStore(postgres),
    shards: createShardStore(postgres),
    statuses: createStatusStore(postgres),
    verdictHistory: createVerdictHistoryStore(postgres),
    verdicts: createVerdictStore(postgres),
  };
}
