import { hostname } from "node:os";
import { createSecureContext } from "node:tls";
import type { CheckBatch } from "../shared/check.ts";
import { systemClock } from "../shared/clock.ts";
import { errorText } from "../shared/errors.ts";
import type { Part } from "../shared/lifecycle.ts";
import { inSequence } from "../shared/lifecycle.ts";
import { createLogger } from "../shared/logger.ts";
import { checksQueueName, isRefused, openQueue, openWorker, resultsQueueName } from "../shared/queues.ts";
import type { ResultBatch } from "../shared/result.ts";
import { createSupervised } from "../shared/supervised.ts";
import type { Supervisor } from "../shared/systemd.ts";
import { readVersion } from "../shared/version.ts";
import { createCanaries } from "./canaries.ts";
import { createCheckSecrets } from "./check-secrets.ts";
import { createClockGuard } from "./clock-guard.ts";
import { createClockSync } from "./clock-sync.ts";
import { type AgentConfig, agentSettings } from "./config.ts";
import { createHealth } from "./health.ts";
import { createLateness } from "./lateness.ts";
import { createLink } from "./link.ts";
import { createLiveness } from "./liveness.ts";
import { createLoad } from "./load.ts";
import { createAddressPolicy } from "./net/address-policy.ts";
import { isGatewayThere } from "./net/gateway.ts";
import { createResolve } from "./net/resolve.ts";
import { createOutbox } from "./outbox.ts";
import { createProbes } from "./probes/index.ts";
import { readinessOf } from "./readiness.ts";
import { refusesAgent } from "./refused.ts";
import { createRunCheck } from "./run-check.ts";
import { createSignsOfLife } from "./signs-of-life.ts";
import { createSpool } from "./spool.ts";
import { createTaking } from "./taking.ts";
import { createUpgrades } from "./upgrades.ts";
import { createCheckWorker, LOCK } from "./worker.ts";

/** How long the first fetch is waited for, in ms, before it counts as started without. */
const FETCH_PATIENCE_MS = 15_000;

/**
 * One agent: pulls the checks of its region, performs them and sends the results back.
 * @param supervisor who is told how it is
 */
export function createAgent(config: AgentConfig, supervisor: Supervisor | null): Part {
  const { region, agentId, concurrency } = config;
  const version = readVersion();
  const logger = createLogger({ level: config.logLevel, name: "agent", fields: { region, agent: agentId } });
  const system = systemClock();
  const clockSync = createClockSync(system);
  const { clock } = clockSync;
  const access = { server: config.queueServer, logger, leastPrivilege: true };

  let fail: (thrown: unknown) => void;
  const ended = new Promise<void>((_, reject) => {
    fail = reject;
  });
  ended.catch(() => undefined); // Whoever runs the agent listens to it.
  let hasGivenUp = false;
  const giveUp = (thrown: unknown) => {
    // Each of its parts may find it out, and again and again while it ends.
    if (hasGivenUp) return;
    hasGivenUp = true;
    // An enrolled agent that is refused comes back, and whoever runs it says so.
    const isEnd = config.credential === null || !refusesAgent(thrown);
    if (isEnd) logger.fatal({ reason: errorText(thrown) }, "The agent cannot go on");
    fail(thrown);
  };

  // Redis loses its users with its memory, and the coordinator makes them again: an enrolled agent waits for that.
  const isFatal = (thrown: unknown) => config.credential === null && isRefused(thrown);

  const resolve = createResolve();
  const canaries = createCanaries({
    resolve,
    anchors: config.canaries,
    coordinatorHost: new URL(config.coordinatorUrl).hostname.replace(/^\[|\]$/g, ""),
    isGatewayThere,
    monotonic: clock.monotonic,
    logger,
  });
  const probes = createProbes({
    resolve,
    refuses: createAddressPolicy({ allowPrivate: config.allowPrivateAddresses }),
    secureContext: createSecureContext(),
    maxBodyBytes: config.bodiesMaxMb * 2 ** 20,
    monotonic: clock.monotonic,
    version,
  });
  const spoolMaxBytes = config.spoolMaxMb * 2 ** 20;
  const spool = createSpool({
    dir: config.spoolDir,
    variable: agentSettings.spoolDir.variable,
    maxBytes: spoolMaxBytes,
    maxAgeMs: config.spoolMaxAgeHours * 3_600_000,
    now: system.now,
    logger,
  });
  const outbox = createOutbox({
    sender: { agentId, enrolledAs: config.credential?.current.agentId ?? null, region },
    server: config.queueServer,
    openQueue: () => openQueue<ResultBatch>(resultsQueueName(region), access),
    spool,
    startupTimeoutMs: config.startupTimeoutS * 1_000,
    isFatal,
    onFatal: giveUp,
    logger,
  });
  const lateness = createLateness(clock.monotonic);
  const secrets = createCheckSecrets();
  const worker = createCheckWorker({
    open: (processor, options) =>
      openWorker<CheckBatch>(checksQueueName(region), processor, { ...access, ...LOCK, ...options }),
    clock,
    runCheck: createRunCheck({ probes, clock, failingCanaries: canaries.ask, open: secrets.open }),
    isClockRight: () => taking.isClockRight(),
    onLateness: lateness.add,
    outbox,
    concurrency,
    isFatal,
    onFatal: giveUp,
    logger,
  });
  const taking = createTaking({
    clockTrouble: createClockGuard(clockSync, clock.monotonic),
    worker,
    onChange: () => link.beat(),
    onSample: () => link.sample(),
    monotonic: clock.monotonic,
    logger,
  });

  const load = createLoad({
    worker,
    taking,
    lateness,
    outbox,
    spool,
    canaries,
    clockSync,
    capacity: concurrency,
    spoolMaxBytes,
  });
  const link = createLink({
    url: config.coordinatorUrl,
    token: config.agentToken,
    authorities: config.authorities,
    hello: { type: "hello", v: 1, agentId, region, version, host: hostname().slice(0, 255), node: process.version },
    load: () => ({ ...load.sinceLast(), upgradable: upgrades.isPossible }),
    system,
    clockSync,
    onSampled: () => void taking.isClockRight(),
    onDrained: taking.setDrained,
    onUpgrade: (to) => upgrades.request(to),
    onRegionKeys: secrets.take,
    onCredential: async (news) => {
      if (!config.credential) throw new Error("this agent was not enrolled");
      return config.credential.replace(news);
    },
    onFatal: giveUp,
    logger,
  });

  const upgrades = createUpgrades({ dir: config.upgradeDir, tell: link.tellUpgrade, logger });

  const health = createHealth({
    port: config.healthPort,
    variable: agentSettings.healthPort.variable,
    readiness: () => readinessOf({ worker, link, taking }),
  });
  const startedAt = clock.monotonic();
  const supervised = createSupervised({
    supervisor,
    // Without a clock that can be corrected it runs, and fetches nothing.
    isReady: () =>
      worker.progress > 0 || (worker.work !== "taking" && clock.monotonic() - startedAt > FETCH_PATIENCE_MS),
    isAlive: createLiveness({ worker, isQueueServerThere: outbox.isServerThere, monotonic: clock.monotonic }),
    status: () =>
      [
        link.isUp ? "linked" : "the coordinator is not linked",
        taking.clockTrouble ?? worker.work,
        `${worker.inFlight} checks in flight`,
        `${outbox.spooled} results spooled`,
      ].join(", "),
    logger,
  });

  const parts = inSequence(
    [
      ["spool", { start: spool.open, stop: async () => undefined }],
      ["health", health],
      ["load", load],
      ["signs of life", createSignsOfLife({ link, worker, outbox })],
      ["canaries", canaries],
      ["link", link],
      ["upgrades", upgrades],
      ["outbox", outbox],
      ["worker", worker],
      ["taking", taking],
      ["supervised", supervised],
    ],
    logger,
  );
  return {
    ended,
    start: parts.start,
    stop() {
      link.sayDraining();
      return parts.stop();
    },
  };
}
