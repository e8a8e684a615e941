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
import { createAgentConnections } from "./agents/connections.ts";
import { createDrains } from "./agents/drains.ts";
import { agentGauges } from "./agents/gauges.ts";
import { createLinkedAgents } from "./agents/linked.ts";
import { createPresence } from "./agents/presence.ts";
import { createRedisUsers, redisCredentials } from "./agents/redis-users.ts";
import { createTroubleWatch } from "./agents/trouble-watch.ts";
import type { CoordinatorConfig } from "./config.ts";
import { awaitDependencies } from "./dependencies.ts";
import { createDispatch } from "./dispatch/dispatch.ts";
import { keepSchedule } from "./dispatch/schedule-keeper.ts";
import { coordinatorGauges } from "./gauges.ts";
import { createAccess } from "./http/access.ts";
import { keepAuditLog } from "./http/audit.ts";
import { createServerCertificate } from "./http/certificate.ts";
import { healthRoutes } from "./http/routes/health.ts";
import { apiRoutes } from "./http/routes/index.ts";
import { metricsRoutes } from "./http/routes/metrics.ts";
import { createHttpServer } from "./http/server.ts";
import { createTrustedProxies } from "./http/trusted-proxies.ts";
import { createCertificateWatch } from "./incidents/certificates.ts";
import { createIngest } from "./ingest/ingest.ts";
import { createMissIntake } from "./ingest/misses.ts";
import { createSpool } from "./ingest/spool.ts";
import { createStatuses } from "./ingest/statuses.ts";
import { createStorage } from "./ingest/storage.ts";
import { createResultsWorkers } from "./ingest/workers.ts";
import { createJudgement } from "./judgement.ts";
import { createLiveClients } from "./live/clients.ts";
import { createLiveFeed } from "./live/feed.ts";
import { createTokenReview } from "./live/token-review.ts";
import { createMetrics } from "./metrics.ts";
import type { ChannelType } from "./notify/channels/channel.ts";
import { channels as channelKinds } from "./notify/channels/index.ts";
import { createNotifier } from "./notify/delivery.ts";
import { checkReadiness, readinessText } from "./readiness.ts";
import { builtReleases, createReleases } from "./releases/releases.ts";
import { createSigningKey } from "./releases/signing-key.ts";
import { createSchedule, wantedRegions } from "./schedule/schedule.ts";
import { createSecretBox } from "./secrets/box.ts";
import { createKeyClaim } from "./secrets/claim.ts";
import { createFirstSealing } from "./secrets/first-sealing.ts";
import { findKeys } from "./secrets/key-source.ts";
import { createRotation } from "./secrets/rotation.ts";
import { listenForChanges } from "./store/changes.ts";
import { openClickHouse } from "./store/clickhouse.ts";
import { createInsertLock } from "./store/insert-lock.ts";
import { createKeyMarks } from "./store/key-marks.ts";
import { openPostgres } from "./store/postgres.ts";
import { createSealedRows } from "./store/sealed-rows.ts";
import { createStores } from "./store/stores.ts";
import { keptForDays } from "./store/windows.ts";
import { createUpgrades } from "./upgrades/upgrades.ts";

export interface Coordinator extends Part {
  /** The port of the HTTP server, once started. */
  port(): number;
}

/**
 * The coordinator, put together. Data moves one way: schedule → dispatch → (the
 * agents) → ingest → verdict and store. Each part is made of those above it.
 */
export function createCoordinator(config: CoordinatorConfig, supervisor: Supervisor | null = null): Coordinator {
  const logger = createLogger({ level: config.logLevel, name: "coordinator" });
  const clock = systemClock();
  const metrics = createMetrics();
  const { queueServer } = config;
  const does = {
    api: config.roles.includes("api"),
    ingest: config.roles.includes("ingest"),
    notify: config.roles.includes("notify"),
    schedule: config.roles.includes("schedule"),
  };

  // What is stored, and the keys of what is secret in it.
  const { keys, source } = findKeys(config);
  const postgres = openPostgres(config.databaseUrl, logger);
  const clickhouse = openClickHouse(config.clickhouseUrl);
  const marks = createKeyMarks(postgres);
  const claim = createKeyClaim({ box: createSecretBox(keys), marks, source });
  const { box } = claim;
  const secretsOf = (type: ChannelType) => channelKinds[type].secrets;
  const rotation = createRotation({ rows: createSealedRows(postgres), marks, box, secretsOf, logger });
  const stores = createStores({ postgres, clickhouse, box, secretsOf });
  const { agents, agentTroubles: troubles, audit, deployment, incidents, monitors, regions, statuses } = stores;

  const schedule = createSchedule();
  const drains = createDrains({ store: stores.drains, logger });
  const presence = createPresence({ store: agents, isDrained: drains.isDrained, clock, logger });

  // Into the queues.
  const spool = createSpool({
    dir: join(config.dataDir, "spool"),
    maxBytes: config.spoolMaxMb * 2 ** 20,
    maxAgeMs: config.spoolMaxAgeHours * 3_600_000,
    now: () => clock.now(),
    onGivenUp: (blocks) => metrics.spoolExpired.inc(blocks),
    logger,
  });
  const storage = createStorage({
    store: stores.results,
    lock: createInsertLock(postgres, logger),
    spool,
    now: () => clock.now(),
    metrics,
    logger,
  });
  const { queues, pusher, leases, dispatcher, extraChecks } = createDispatch({
    coordinatorId: newId("crd"),
    queueServer,
    schedule,
    shards: stores.shards,
    box,
    hasLiveAgent: presence.isLive,
    onMissed: createMissIntake({ storage, metrics, logger }),
    metrics,
    clock,
    logger,
  });

  // Out of the queues.
  const { apply, judging, maintenance, vantage } = createJudgement({
    stores,
    schedule,
    presence,
    confirm: extraChecks.confirm,
    regionCleanMs: config.regionCleanS * 1_000,
    metrics,
    clock,
    logger,
  });
  const pending = createStatuses({ apply, monitorOf: schedule.get, now: () => clock.now(), logger });
  const ingest = createIngest({
    storage,
    statuses: pending,
    monitorOf: schedule.get,
    isScheduled: schedule.contains,
    onSignOfLife: presence.answered,
    keepMs: config.resultsTtlDays * 86_400_000,
    clock,
    metrics,
    logger,
  });
  const redisUsers = createRedisUsers({
    server: queueServer,
    credentials: async () => redisCredentials(await stores.agentCredentials.list()),
    consumerKeys: box.derivations,
    logger,
  });
  const workers = createResultsWorkers({ accessTo: redisUsers.consumerOf, ingest, metrics, logger });

  const onMaintenance = (): void => {
    if (does.ingest) maintenance.onChange();
  };
  const keeper = keepSchedule({
    schedule,
    monitors,
    regions,
    // Also of a region that was retired results may still come.
    onRegions: (known) => does.ingest && workers.serve(known),
    onNewRegion(region, since) {
      if (does.schedule) void extraChecks.checkFromRegion(region, since);
    },
    onChange(monitor) {
      onMaintenance();
      if (!does.schedule) return;
      void extraChecks.catchUp(monitor);
      void extraChecks.checkNow(monitor);
    },
    logger,
  });
  const notifier = createNotifier({
    deliveries: stores.deliveries,
    channels: stores.channels,
    rules: stores.rules,
    queueServer,
    commands: config.notifyCommands,
    answerMs: config.channelTimeoutS * 1_000,
    publicUrl: config.publicUrl,
    version: readVersion(),
    metrics,
    clock,
    logger,
  });

  // Those who connect: agents, people and programs.
  const linked = createLinkedAgents();
  const upgrades = createUpgrades({ store: stores.agentUpgrades, agents, tell: linked.tell, clock, logger });
  const agentQueue: CredentialQueue =
    config.agentRedisUrl === null ? { kind: "tunnel" } : { kind: "redis", url: config.agentRedisUrl };
  const { identities, links, tunnels, reissue } = createAgentConnections({
    stores,
    box,
    presence,
    drains,
    linked,
    letIn: redisUsers.refresh,
    queueServer,
    agentQueue,
    onUpgrade: upgrades.hear,
    onRegion(region) {
      if (schedule.expand("all").includes(region)) return;
      regions
        .add(region)
        .catch((thrown) => logger.warn({ region, reason: errorText(thrown) }, "A new region could not be kept yet"));
    },
    clock,
    logger,
  });
  const access = createAccess({ adminToken: config.adminToken, tokens: stores.apiTokens });
  const liveClients = createLiveClients({ callerWith: access.callerWith, logger });
  const live = createLiveFeed({ clients: liveClients, incidents, statuses, monitors, troubles, clock, logger });
  const tokenReview = createTokenReview({ clients: liveClients, tokens: stores.apiTokens, logger });
  const dependencies = awaitDependencies({ postgres, clickhouse, queueServer, config, logger });
  const probes = { ...dependencies.probes, schedule: keeper.probe };
  const releasesDir = config.agentReleases ?? builtReleases;
  const http = createHttpServer({
    ...config,
    certificate: config.tls && createServerCertificate(config.tls, { logger }),
    proxies: createTrustedProxies(config.trustedProxies),
    links: does.api ? links : null,
    tunnels: does.api ? tunnels : null,
    identities,
    access,
    audit,
    live: does.api ? liveClients : null,
    routes(app) {
      metricsRoutes(app, metrics);
      healthRoutes(app, probes);
      if (!does.api) return;
      apiRoutes(app, {
        stores,
        publicUrl: config.publicUrl,
        keptFor: keptForDays({
          results: config.resultsTtlDays,
          minutes: config.minutesTtlDays,
          hours: config.hoursTtlDays,
        }),
        rotation,
        upgrades,
        releases: createReleases({ dir: releasesDir, logger }),
        releasesDir,
        signingKey: createSigningKey({ store: deployment, box }),
        agentQueue: queueServer.kind === "redis" ? agentQueue : null,
        queuePrefix: queueServer.prefix,
        letIn: redisUsers.refresh,
        clock,
      });
    },
    logger,
  });

  coordinatorGauges(metrics, { queues, workers, spool, vantage, pending, incidents, tunnels, liveClients });
  agentGauges(metrics, { agents, troubles });

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
        ...(does.notify && { watchpost_notices: notifier.wake }),
        ...(does.api && { watchpost_live: live.onLive, watchpost_upgrades: upgrades.wake }),
      },
      onGap() {
        identities.onGap();
        drains.onChange();
        keeper.onGap();
        live.onGap();
        tokenReview.now();
        onMaintenance();
        if (does.api) upgrades.wake();
      },
    },
    logger,
  );
  const readiness = () => checkReadiness(probes);
  const supervised = createSupervised({
    supervisor,
    isReady: async () => (await readiness()).ready,
    isAlive: () => true,
    status: async () => readinessText(await readiness()),
    logger,
  });

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
    ["maintenance", maintenance],
    ["pushes", onStop(pusher.settled)],
    ["vantage", vantage],
    ["results workers", workers],
    ["judging", judging],
    [
      "troubles of agents",
      createTroubleWatch({ agents, troubles, wantedRegions: () => wantedRegions(schedule), clock, logger }),
    ],
    ["certificates", createCertificateWatch({ certificates: stores.certificates, logger })],
  ];
  const informed: NamedPart[] = [
    ["live", onStop(live.settled)],
    ["token review", tokenReview],
    ["changes", changes],
  ];
  const dispatching: NamedPart[] = [
    ["leases", leases],
    ["dispatcher", dispatcher],
  ];
  const parts: NamedPart[] = [
    ...always,
    ...(does.ingest ? ingesting : []),
    ...informed,
    ...(does.api ? ([["upgrades", upgrades]] satisfies NamedPart[]) : []),
    ...(does.schedule ? dispatching : []),
    ...(does.notify ? ([["notifier", notifier]] satisfies NamedPart[]) : []),
    ["supervised", supervised],
  ];
  return { ...inSequence(parts, logger), port: http.port };
}

type NamedPart = readonly [name: string, part: Part];

/** Something that needs no start, only an end. */
function onStop(stop: () => Promise<unknown>): Part {
  return { start: async () => undefined, stop: async () => void (await stop()) };
}
