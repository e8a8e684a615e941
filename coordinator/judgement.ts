import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import type { Monitor } from "../shared/monitor.ts";
import type { Presence } from "./agents/presence.ts";
import type { ExtraChecks } from "./dispatch/extra-checks.ts";
import { createKinQuestions } from "./dispatch/kin-questions.ts";
import { createQuestionLimit } from "./dispatch/question-limit.ts";
import { createJudging } from "./ingest/judging.ts";
import { keepMaintenance } from "./maintenance/keeper.ts";
import type { Metrics } from "./metrics.ts";
import type { Schedule } from "./schedule/schedule.ts";
import type { Stores } from "./store/stores.ts";
import type { RegionResult } from "./store/verdicts.ts";
import { createVantage } from "./vantage/vantage.ts";
import { newcomersOf } from "./verdict/newcomers.ts";

/** What a verdict comes from: the votes, the places that they come from, and what operators have said of it. */
export function createJudgement({
  stores,
  schedule,
  presence,
  confirm,
  regionCleanMs,
  metrics,
  clock,
  logger,
}: {
  readonly stores: Pick<Stores, "impairments" | "maintenance" | "statuses" | "verdicts">;
  readonly schedule: Schedule;
  readonly presence: Pick<Presence, "failingCanaries" | "isLive">;
  /** Has a monitor in doubt checked in some regions at once. */
  readonly confirm: ExtraChecks["confirm"];
  /** A region has its vote back when nothing has spoken against it for so long, in ms. */
  readonly regionCleanMs: number;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly logger: Logger;
}) {
  const { verdicts } = stores;
  const vantage = createVantage({
    store: stores.impairments,
    schedule,
    canariesOf: presence.failingCanaries,
    lookAgain: verdicts.lookAgain,
    onAsk: (monitor, region, at) => void confirm(monitor, [region], at),
    cleanMs: regionCleanMs,
    metrics,
    clock,
    logger,
  });
  const maintenance = keepMaintenance({
    store: stores.maintenance,
    monitors: () => schedule.monitors.values(),
    verdicts,
    clock,
    logger,
  });
  const questions = createQuestionLimit(clock);
  const votersAmong = (regions: Monitor["regions"]) =>
    schedule.expand(regions).filter((region) => !vantage.impaired.has(region));
  const kin = createKinQuestions({
    monitors: schedule.monitors,
    votingRegions: ({ regions }) => votersAmong(regions),
    verdictsOf: stores.statuses.of,
    confirm,
    logger,
  });
  const judging = createJudging({
    metrics,
    verdicts,
    circumstancesOf({ monitorId: id, regions, tags, type, policy, updatedAt }, at) {
      const cameUpAt = regions === "all" ? schedule.cameUpAt : new Map<string, number>();
      return {
        regions: votersAmong(regions),
        impaired: schedule.expand(regions).filter((region) => vantage.impaired.has(region)),
        newcomers: newcomersOf(cameUpAt, policy, updatedAt),
        votingSince: Math.max(vantage.votingSince, ...cameUpAt.values()),
        suspects: vantage.suspects,
        isAbsent: (region) => !presence.isLive(region),
        maintenance: maintenance.covers({ id, tags, type }, at),
      };
    },
    onConfirm(monitorId, regions, at) {
      const monitor = schedule.get(monitorId);
      if (!monitor) return;
      kin.askAbove(monitorId, at);
      if (questions.allows(monitorId)) void confirm(monitor, regions, at);
      else metrics.questionsSkipped.inc();
    },
    onBack: kin.askBelow,
    clock,
    logger,
  });
  return {
    vantage,
    maintenance,
    judging,
    async apply(results: readonly RegionResult[]): Promise<void> {
      await vantage.before(results);
      await judging.apply(results);
      vantage.after(results);
    },
  };
}
