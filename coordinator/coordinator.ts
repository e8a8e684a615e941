import { join } from "node:path";
import { systemClock } from "../shared/clock.ts";
import type { CredentialQueue } from "../shared/credential.ts";
import { errorText } from "../shared/errors.ts";
import { newId } from "../shared/id.ts";
import type { Part } from "../shared/lifecycle.ts";
import { inSequence } from "../shared/lifecycle.ts";
import { createLogger } from "../shared/logger.ts";
import { createSupervised } from "../shared/supervised.ts";
import type { Supervisor } from "../shared/systemd.ts";
import { readVersion } from "../shared/version.ts";
import { createDrains } from "./agents/drains.ts";
import { agentGauges } from "./agents/gauges.ts";
import { createAgentIdentities } from "./agents/identity.ts";
import { createAgentLinks } from "./agents/link.ts";
import { createPresence } from "./agents/presence.ts";
import { createRedisUsers } from "./agents/redis-users.ts";
import { createReissue } from "./agents/reissue.ts";
import { createTroubleWatch } from "./agents/trouble-watch.ts";
import { createAgentTunnels } from "./agents/tunnel.ts";
import type { CoordinatorConfig } from "./config.ts";
import { awaitDependencies } from "./dependencies.ts";
import type { CheckJob } from "./dispatch/batches.ts";
import { createDispatcher } from "./dispatch/dispatcher.ts";
import { createExtraChecks } from "./dispatch/extra-checks.ts";
import { createLeases } from "./dispatch/leases.ts";
import { createPusher } from "./dispatch/pusher.ts";
import { createQuestionLimit } from "./dispatch/question-limit.ts";
import { createRegionQueues } from "./dispatch/region-queues.ts";
import { keepSchedule } from "./dispatch/schedule-keeper.ts";
import { createTargets } from "./dispatch/targets.ts";
import { createAccess } from "./http/access.ts";
import { keepAuditLog } from "./http/audit.ts";
import { createServerCertificate } from "./http/certificate.ts";
import { agentReleaseRoutes } from "./http/routes/agent-releases.ts";
import { agentTroubleRoutes } from "./http/routes/agent-troubles.ts";
import { agentUpgradeRoutes } from "./http/routes/agent-upgrades.ts";
import { agentRoutes } from "./http/routes/agents.ts";
import { alertRuleRoutes } from "./http/routes/alert-rules.ts";
import { auditRoutes } from "./http/routes/audit.ts";
import { channelTypeRoutes } from "./http/routes/channel-types.ts";
import { channelRoutes } from "./http/routes/channels.ts";
import { dashboardRoutes } from "./http/routes/dashboard.ts";
import { deliveryRoutes } from "./http/routes/deliveries.ts";
import { enrollmentRoutes } from "./http/routes/enrollment.ts";
import { healthRoutes } from "./http/routes/health.ts";
import { incidentRoutes } from "./http/routes/incidents.ts";
import { keyRoutes } from "./http/routes/keys.ts";
import { maintenanceRoutes } from "./http/routes/maintenance.ts";
import { metricsRoutes } from "./http/routes/metrics.ts";
import { monitorRoutes } from "./http/routes/monitors.ts";
import { regionRoutes } from "./http/routes/regions.ts";
import { replayRoutes } from "./http/routes/replay.ts";
import { resultRoutes } from "./http/routes/results.ts";
import { statsRoutes } from "./http/routes/stats.ts";
import { tokenRoutes } from "./http/routes/tokens.ts";
import { uptimeRoutes } from "./http/routes/uptime.ts";
import { createHttpServer } from "./http/server.ts";
import { createTrustedProxies } from "./http/trusted-proxies.ts";
import { createCertificateWatch } from "./incidents/certificates.ts";
import { createIngest } from "./ingest/ingest.ts";
import { createJudging } from "./ingest/judging.ts";
import { createSpool } from "./ingest/spool.ts";
import { createStatuses } from "./ingest/statuses.ts";
import { createStorage } from "./ingest/storage.ts";
import { createResultsWorkers } from "./ingest/workers.ts";
import { createLiveClients } from "./live/clients.ts";
import { createLiveFeed } from "./live/feed.ts";
import { keepMaintenance } from "./maintenance/keeper.ts";
import { createMetrics } from "./metrics.ts";
import type { ChannelType } from "./notify/channels/channel.ts";
import { channels as channelKinds } from "./notify/channels/index.ts";
import { createNotifier } from "./notify/delivery.ts";
import { checkReadiness } from "./readiness.ts";
import { builtReleases, createReleases } from "./releases/releases.ts";
import { createSigningKey } from "./releases/signing-key.ts";
import { createSchedule, wantedRegions } from "./schedule/schedule.ts";
import { createSecretBox } from "./secrets/box.ts";
import { createKeyClaim } from "./secrets/claim.ts";
import { createFirstSealing } from "./secrets/first-sealing.ts";
import { findKeys } from "./secrets/key-source.ts";
import { regionKeys } from "./secrets/region-keys.ts";
import { createRotation } from "./secrets/rotation.ts";
import { createAgentCredentialStore } from "./store/agent-credentials.ts";
import { createAgentTroubleStore } from "./store/agent-troubles.ts";
import { createAgentUpgradeStore } from "./store/agent-upgrades.ts";
import { createAgentStore } from "./store/agents.ts";
import { createApiTokenStore } from "./store/api-tokens.ts";
import { createAuditStore } from "./store/audit.ts";
import { createCertificateStore } from "./store/certificates.ts";
import { listenForChanges } from "./store/changes.ts";
import { createAlertRuleStore, createChannelStore } from "./store/channels.ts";
import { openClickHouse } from "./store/clickhouse.ts";
import { createDeliveryStore } from "./store/deliveries.ts";
import { createDeploymentStore } from "./store/deployment.ts";
import { createDrainStore } from "./store/drains.ts";
import { createEnrollmentStore } from "./store/enrollment.ts";
import { createImpairmentStore } from "./store/impairments.ts";
import { createIncidentStore } from "./store/incident-store.ts";
import { createInsertLock } from "./store/insert-lock.ts";
import { createJudgedStore } from "./store/judged.ts";
import { createKeyMarks } from "./store/key-marks.ts";
import { createMaintenanceStore } from "./store/maintenance.ts";
import { createMonitorStore } from "./store/monitors.ts";
import { openPostgres } from "./store/postgres.ts";
import { createRegionStore } from "./store/regions.ts";
import { createResultStore } from "./store/results.ts";
import { createSealedRows } from "./store/sealed-rows.ts";
import { createShardStore } from "./store/shards.ts";
import { createStatusStore } from "./store/status.ts";
import { createVerdictHistoryStore } from "./store/verdict-history.ts";
import type { RegionResult } from "./store/verdicts.ts";
import { createVerdictStore } from "./store/verdicts.ts";
import type { KeptFor } from "./store/windows.ts";
import { createUpgrades } from "./upgrades/upgrades.ts";
import { createVantage } from "./vantage/vantage.ts";

export interface Coordinator extends Part {
  /** The port of the HTTP server, once started. */
  port(): number;
}

/**
 * The coordinator, put together. Data moves one way: schedule → dispatch → (the
 * agents) → ingest → verdict and store.
 */
export function createCoordinator(config: CoordinatorConfig, supervisor: Supervisor | null = null): Coordinator {
  const logger = createLogger({ level: config.logLevel, name: "coordinator" });
  const clock = systemClock();
  const coordinatorId = newId("crd");
  const { queueServer, roles } = config;
  const { keys, source } = findKeys(config);

  const postgres = openPostgres(config.databaseUrl, logger);
  const clickhouse = openClickHouse(config.clickhouseUrl);
  const marks = createKeyMarks(postgres);
  const claim = createKeyClaim({ box: createSecretBox(keys), marks, source });
  const { box } = claim;
  const secretsOf = (type: ChannelType) => channelKinds[type].secrets;
  const rotation = createRotation({ rows: createSealedRows(postgres), marks, box, secretsOf, logger });
  const deployment = createDeploymentStore(postgres);
  const monitors = createMonitorStore(postgres, box);
  const regions = createRegionStore(postgres);
  const agents = createAgentStore(postgres);
  const agentCredentials = createAgentCredentialStore(postgres);
  const statuses = createStatusStore(postgres);
  const verdicts = createVerdictStore(postgres);
  const incidents = createIncidentStore(postgres);
  const impairments = createImpairmentStore(postgres);
  const results = createResultStore(clickhouse);
  const shards = createShardStore(postgres);
  const channels = createChannelStore(postgres, { box, secretsOf });
  const rules = createAlertRuleStore(postgres);
  const deliveries = createDeliveryStore(postgres);
  const maintenance = createMaintenanceStore(postgres);

  const schedule = createSchedule();
  const troubles = createAgentTroubleStore(postgres);
  const drainStore = createDrainStore(postgres);
  const drains = createDrains({ store: drainStore, onLearned: () => links.tellDrains(), logger });
  const presence = createPresence({ store: agents, isDrained: drains.isDrained, clock, logger });
  const metrics = createMetrics();
  const vantage = createVantage({
    store: impairments,
    schedule,
    canariesOf: presence.failingCanaries,
    lookAgain: verdicts.lookAgain,
    onAsk: (monitor, region, at) => void extraChecks.confirm(monitor, [region], at),
    cleanMs: config.regionCleanS * 1_000,
    metrics,
    clock,
    logger,
  });
  const maintenanceKeeper = keepMaintenance({
    store: maintenance,
    monitors: () => schedule.monitors.values(),
    verdicts,
    clock,
    logger,
  });
  const questions = createQuestionLimit(clock);
  const judging = createJudging({
    metrics,
    verdicts,
    circumstancesOf({ monitorId: id, regions, tags, type }, at) {
      const voting = schedule.expand(regions).filter((region) => !vantage.impaired.has(region));
      return {
        regions: voting,
        votingSince: vantage.votingSince,
        suspects: vantage.suspects,
        isAbsent: (region) => !presence.isLive(region),
        maintenance: maintenanceKeeper.covers({ id, tags, type }, at),
      };
    },
    onConfirm(monitorId, regions, at) {
      const monitor = schedule.get(monitorId);
      if (!monitor) return;
      if (questions.allows(monitorId)) void extraChecks.confirm(monitor, regions, at);
      else metrics.questionsSkipped.inc();
    },
    clock,
    logger,
  });
  const spool = createSpool({
    dir: join(config.dataDir, "spool"),
    maxBytes: config.spoolMaxMb * 2 ** 20,
    maxAgeMs: config.spoolMaxAgeHours * 3_600_000,
    now: () => clock.now(),
    onGivenUp: (blocks) => metrics.spoolExpired.inc(blocks),
    logger,
  });
  async function apply(results: readonly RegionResult[]): Promise<void> {
    await vantage.before(results);
    await judging.apply(results);
    vantage.after(results);
  }
  const pending = createStatuses({ apply, monitorOf: schedule.get, now: () => clock.now(), logger });
  const ingest = createIngest({
    storage: createStorage({
      store: results,
      lock: createInsertLock(postgres, logger),
      spool,
      now: () => clock.now(),
      metrics,
      logger,
    }),
    statuses: pending,
    monitorOf: schedule.get,
    onSignOfLife: presence.answered,
    keepMs: config.resultsTtlDays * 86_400_000,
    clock,
    metrics,
    logger,
  });
  metrics.gauges("queue_jobs", "Jobs in the queues, by queue and state.", ["queue", "state"], async () =>
    (await Promise.all([workers.depths(), queues.depths()])).flat(),
  );
  metrics.gauge("spool_bytes", "Bytes of results that wait on disk for ClickHouse.", () => spool.bytes);
  metrics.gauge("spool_blocks", "Blocks of results that wait on disk for ClickHouse.", () => spool.blocks);
  metrics.gauge("regions_impaired", "Regions that have no vote now.", () => vantage.impaired.size);
  metrics.gauge("statuses_waiting", "Statuses that wait in memory for PostgreSQL.", () => pending.waiting);
  metrics.gauges("incidents_open", "Incidents that are open, by kind and level.", ["kind", "level"], async () =>
    (await incidents.countOpen()).map(({ kind, level, count }) => [{ kind, level }, count] as const),
  );
  agentGauges(metrics, { agents, troubles });
  const redisUsers = createRedisUsers({
    server: queueServer,
    async credentials() {
      const all = await agentCredentials.list();
      return all
        .filter(({ revokedAt }) => revokedAt === null)
        .map(({ agentId, region, redisPasswordHash, next }) => {
          const passwordHashes = [redisPasswordHash, ...(next ? [next.redisPasswordHash] : [])];
          return { agentId, region, passwordHashes };
        });
    },
    consumerKeys: box.derivations,
    logger,
  });
  const workers = createResultsWorkers({ accessTo: redisUsers.consumerOf, ingest, metrics, logger });
  const tellLateness = (jobs: readonly CheckJob[]): void => {
    const now = clock.now();
    for (const { batch } of jobs) {
      for (const { scheduledAt } of batch.checks) metrics.dispatchLateness.observe((now - scheduledAt) / 1_000);
    }
  };
  const queues = createRegionQueues(queueServer, logger, tellLateness);
  const leases = createLeases({ coordinatorId, store: shards, clock, logger });
  const onMissed = ingest.takeMisses;
  const targetOf = createTargets({ box, logger });
  const pusher = createPusher({ queues, logger, hasLiveAgent: presence.isLive, onMissed });
  const dispatcher = createDispatcher({ schedule, leases, pusher, targetOf, clock, onMissed });
  const extraChecks = createExtraChecks({ schedule, leases, pusher, targetOf });
  const onMaintenance = (): void => {
    if (roles.includes("ingest")) maintenanceKeeper.onChange();
  };
  const keeper = keepSchedule({
    schedule,
    monitors,
    regions,
    // Also of a region that was retired results may still come.
    onRegions: (known) => roles.includes("ingest") && workers.serve(known),
    onNewRegion(region, since) {
      if (roles.includes("schedule")) void extraChecks.checkFromRegion(region, since);
    },
    onChange(monitor) {
      onMaintenance();
      if (!roles.includes("schedule")) return;
      void extraChecks.catchUp(monitor);
      void extraChecks.checkNow(monitor);
    },
    logger,
  });
  const notifier = createNotifier({
    deliveries,
    channels,
    rules,
    queueServer,
    commands: config.notifyCommands,
    publicUrl: config.publicUrl,
    version: readVersion(),
    metrics,
    clock,
    logger,
  });
  const audit = createAuditStore(postgres);
  const links = createAgentLinks({
    onEnrolled: (agentId) => reissue.onChange(agentId),
    onUpgrade: (agentId, news) => upgrades.hear(agentId, news),
    presence,
    drains,
    regionKeysOf: (region) => regionKeys(box, region).all.map(({ bytes }) => bytes.toString("base64")),
    onRegion(region) {
      if (schedule.expand("all").includes(region)) return;
      regions
        .add(region)
        .catch((thrown) => logger.warn({ region, reason: errorText(thrown) }, "A new region could not be kept yet"));
    },
    clock,
    logger,
  });
  const tunnels = queueServer.kind === "redis" ? createAgentTunnels({ ...queueServer, logger }) : null;
  metrics.gauge("tunnels", "Agents' connections to Redis that go through this coordinator.", () => tunnels?.size ?? 0);
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
  const agentQueue: CredentialQueue =
    config.agentRedisUrl === null ? { kind: "tunnel" } : { kind: "redis", url: config.agentRedisUrl };
  const reissue = createReissue({
    store: agentCredentials,
    links,
    letIn: redisUsers.refresh,
    queue: agentQueue,
    queuePrefix: queueServer.prefix,
    logger,
  });
  identities.onRevoked((agentId) => {
    logger.info({ agent: agentId }, "An agent has been revoked");
    links.cut(agentId);
    tunnels?.cut(agentId);
  });
  const upgradeStore = createAgentUpgradeStore(postgres);
  const upgrades = createUpgrades({ store: upgradeStore, agents, tell: links.tell, clock, logger });
  const releasesDir = config.agentReleases ?? builtReleases;
  const releases = createReleases({ dir: releasesDir, logger });
  const signingKey = createSigningKey({ store: deployment, box });
  const apiTokens = createApiTokenStore(postgres);
  const access = createAccess({ adminToken: config.adminToken, tokens: apiTokens });
  const liveClients = createLiveClients({ callerWith: access.callerWith, logger });
  const live = createLiveFeed({ clients: liveClients, incidents, statuses, monitors, troubles, clock, logger });
  metrics.gauge("live_clients", "Clients that look on at /v1/live.", () => liveClients.size);
  const figures = { monitors, regions, results, shards, keptFor: keptForOf(config), clock };
  const dependencies = awaitDependencies({ postgres, clickhouse, queueServer, config, logger });
  const probes = { ...dependencies.probes, schedule: keeper.probe };
  const http = createHttpServer({
    ...config,
    certificate: config.tls && createServerCertificate(config.tls, { logger }),
    proxies: createTrustedProxies(config.trustedProxies),
    links: roles.includes("api") ? links : null,
    tunnels: roles.includes("api") ? tunnels : null,
    identities,
    access,
    audit,
    live: roles.includes("api") ? liveClients : null,
    routes(app) {
      metricsRoutes(app, metrics);
      healthRoutes(app, probes);
      if (!roles.includes("api")) return;
      monitorRoutes(app, { monitors, statuses });
      resultRoutes(app, { monitors, results });
      replayRoutes(app, { monitors, regions, incidents, judged: createJudgedStore(postgres, clickhouse), clock });
      statsRoutes(app, figures);
      uptimeRoutes(app, { ...figures, verdictHistory: createVerdictHistoryStore(postgres) });
      incidentRoutes(app, { incidents, clock });
      maintenanceRoutes(app, { maintenance, clock });
      regionRoutes(app, { regions, agents, statuses, impairments, troubles });
      agentTroubleRoutes(app, { troubles });
      agentRoutes(app, { agents, credentials: agentCredentials, drains: drainStore, troubles });
      enrollmentRoutes(app, {
        enrollment: createEnrollmentStore(postgres),
        publicUrl: config.publicUrl,
        agentQueue,
        queuePrefix: queueServer.prefix,
        letIn: redisUsers.refresh,
        signingKey,
        clock,
      });
      tokenRoutes(app, { tokens: apiTokens });
      auditRoutes(app, { audit });
      channelTypeRoutes(app);
      keyRoutes(app, { rotation });
      channelRoutes(app, { channels, deliveries, publicUrl: config.publicUrl, clock });
      alertRuleRoutes(app, { rules, channels });
      deliveryRoutes(app, { deliveries });
      agentUpgradeRoutes(app, { store: upgradeStore, upgrades, releases, clock });
      agentReleaseRoutes(app, { releases, signingKey, dir: releasesDir });
      dashboardRoutes(app);
    },
    logger,
  });

  const changes = listenForChanges(
    config.databaseUrl,
    {
      on: {
        watchpost_monitors(id) {
          keeper.onMonitor(id);
          live.onMonitor(id);
        },
        watchpost_regions: keeper.onRegion,
        watchpost_maintenance: onMaintenance,
        watchpost_agents(agentId) {
          identities.onChange(agentId);
          reissue.onChange(agentId);
          void redisUsers.refresh();
        },
        watchpost_tokens: liveClients.cut,
        watchpost_drains: drains.onChange,
        ...(roles.includes("notify") && { watchpost_notices: notifier.wake }),
        ...(roles.includes("api") && { watchpost_live: live.onLive, watchpost_upgrades: upgrades.wake }),
      },
      onGap() {
        identities.onGap();
        drains.onChange();
        keeper.onGap();
        live.onGap();
        onMaintenance();
        if (roles.includes("api")) upgrades.wake();
      },
    },
    logger,
  );

  const always: NamedPart[] = [
    ["stores", onStop(() => Promise.all([postgres.end(), clickhouse.close()]))],
    ["identities", onStop(identities.settled)],
    ["reissue", onStop(reissue.stop)],
    ["http", http],
    ["dependencies", dependencies],
    ["keys", claim],
    ["secrets", createFirstSealing({ rotation, store: deployment, logger })],
    ["redis users", redisUsers],
    ["drains", drains],
    ["presence", presence],
    ["queues", onStop(queues.close)],
    ["audit log", keepAuditLog(audit, logger)],
    ["ingest", ingest],
    // Before results are taken in: what is not known of monitors and regions yet must not be judged.
    ["schedule", keeper],
  ];
  const ingesting: NamedPart[] = [
    ["maintenance", maintenanceKeeper],
    ["pushes", onStop(pusher.settled)],
    ["vantage", vantage],
    ["results workers", workers],
    ["judging", judging],
    [
      "troubles of agents",
      createTroubleWatch({ agents, troubles, wantedRegions: () => wantedRegions(schedule), clock, logger }),
    ],
    ["certificates", createCertificateWatch({ certificates: createCertificateStore(postgres), logger })],
  ];
  const informed: NamedPart[] = [
    ["live", onStop(live.settled)],
    ["changes", changes],
  ];
  const dispatching: NamedPart[] = [
    ["leases", leases],
    ["dispatcher", dispatcher],
  ];
  const readiness = () => checkReadiness(probes);
  const supervised = createSupervised({
    supervisor,
    isReady: async () => (await readiness()).ready,
    isAlive: () => true,
    async status() {
      const { ready, checks } = await readiness();
      const missing = Object.entries(checks).filter(([, { ok }]) => !ok);
      return ready ? "ready" : `not ready: ${missing.map(([name, { reason }]) => `${name}: ${reason}`).join("; ")}`;
    },
    logger,
  });
  const parts = [
    ...always,
    ...(roles.includes("ingest") ? ingesting : []),
    ...informed,
    ...(roles.includes("api") ? ([["upgrades", upgrades]] satisfies NamedPart[]) : []),
    ...(roles.includes("schedule") ? dispatching : []),
    ...(roles.includes("notify") ? ([["notifier", notifier]] satisfies NamedPart[]) : []),
    ["supervised", supervised] satisfies NamedPart,
  ];
  return { ...inSequence(parts, logger), port: http.port };
}

function keptForOf({ resultsTtlDays, minutesTtlDays, hoursTtlDays }: CoordinatorConfig): KeptFor {
  const { results, minutes, hours } = { results: resultsTtlDays, minutes: minutesTtlDays, hours: hoursTtlDays };
  const kept = (...days: number[]) => Math.max(...days) * 86_400_000;
  return { results: kept(results), minutes: kept(results, minutes), hours: kept(results, minutes, hours) };
}

type NamedPart = readonly [name: string, part: Part];

/** Something that needs no start, only an end. */
function onStop(stop: () => Promise<unknown>): Part {
  return { start: async () => undefined, stop: async () => void (await stop()) };
}
