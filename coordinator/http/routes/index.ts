import type { FastifyInstance } from "fastify";
import type { Clock } from "../../../shared/clock.ts";
import type { CredentialQueue } from "../../../shared/credential.ts";
import type { Releases } from "../../releases/releases.ts";
import type { SigningKey } from "../../releases/signing-key.ts";
import type { Rotation } from "../../secrets/rotation.ts";
import type { Stores } from "../../store/stores.ts";
import type { KeptFor } from "../../store/windows.ts";
import type { Upgrades } from "../../upgrades/upgrades.ts";
import { agentReleaseRoutes } from "./agent-releases.ts";
import { agentTroubleRoutes } from "./agent-troubles.ts";
import { agentUpgradeRoutes } from "./agent-upgrades.ts";
import { agentRoutes } from "./agents.ts";
import { alertRuleRoutes } from "./alert-rules.ts";
import { auditRoutes } from "./audit.ts";
import { channelTypeRoutes } from "./channel-types.ts";
import { channelRoutes } from "./channels.ts";
import { dashboardRoutes } from "./dashboard.ts";
import { deliveryRoutes } from "./deliveries.ts";
import { enrollmentRoutes } from "./enrollment.ts";
import { incidentRoutes } from "./incidents.ts";
import { keyRoutes } from "./keys.ts";
import { maintenanceRoutes } from "./maintenance.ts";
import { monitorRoutes } from "./monitors.ts";
import { regionRoutes } from "./regions.ts";
import { replayRoutes } from "./replay.ts";
import { resultRoutes } from "./results.ts";
import { statsRoutes } from "./stats.ts";
import { tokenRoutes } from "./tokens.ts";
import { uptimeRoutes } from "./uptime.ts";

/** The API and the web page: what is stored is read and changed here, and little else is asked. */
export function apiRoutes(
  app: FastifyInstance,
  {
    stores,
    publicUrl,
    keptFor,
    rotation,
    upgrades,
    releases,
    releasesDir,
    signingKey,
    agentQueue,
    queuePrefix,
    letIn,
    clock,
  }: {
    readonly stores: Stores;
    /** Where people and agents find this coordinator; null when only they know. */
    readonly publicUrl: string | null;
    readonly keptFor: KeptFor;
    readonly rotation: Rotation;
    readonly upgrades: Upgrades;
    readonly releases: Releases;
    readonly releasesDir: string;
    readonly signingKey: SigningKey;
    /** How enrolled agents reach the queues; null where they cannot. */
    readonly agentQueue: CredentialQueue | null;
    readonly queuePrefix: string;
    /** Has the queue server take who was enrolled just now. */
    readonly letIn: () => Promise<void>;
    readonly clock: Clock;
  },
): void {
  const { agents, channels, deliveries, incidents, judged, maintenance, monitors, regions, statuses } = stores;
  const { agentTroubles: troubles, agentUpgrades, agentCredentials, drains, enrollment, verdictHistory } = stores;
  const { apiTokens, audit, impairments, results, rules, shards } = stores;
  const figures = { monitors, regions, results, shards, keptFor, clock };

  monitorRoutes(app, { monitors, statuses });
  resultRoutes(app, { monitors, results });
  replayRoutes(app, { monitors, regions, incidents, judged, clock });
  statsRoutes(app, figures);
  uptimeRoutes(app, { ...figures, verdictHistory });
  incidentRoutes(app, { incidents, clock });
  maintenanceRoutes(app, { maintenance, clock });
  regionRoutes(app, { regions, agents, statuses, impairments, troubles });
  agentTroubleRoutes(app, { troubles });
  agentRoutes(app, { agents, credentials: agentCredentials, drains, troubles });
  enrollmentRoutes(app, { enrollment, publicUrl, agentQueue, queuePrefix, letIn, signingKey, releases, clock });
  tokenRoutes(app, { tokens: apiTokens });
  auditRoutes(app, { audit });
  channelTypeRoutes(app);
  keyRoutes(app, { rotation });
  channelRoutes(app, { channels, deliveries, publicUrl, clock });
  alertRuleRoutes(app, { rules, channels });
  deliveryRoutes(app, { deliveries });
  agentUpgradeRoutes(app, { store: agentUpgrades, upgrades, releases, clock });
  agentReleaseRoutes(app, { releases, signingKey, dir: releasesDir });
  dashboardRoutes(app);
}
