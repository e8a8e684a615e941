import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { Metrics } from "../metrics.ts";
import type { Case, RegionStatus, StatusStore, VerdictChange } from "../store/status.ts";
import { judge } from "../verdict/verdict.ts";

/** How often it is looked for verdicts whose votes have gone stale, in ms, and how many are judged at once. */
const SWEEP_EVERY_MS = 1_000;
const SWEEP_AT_ONCE = 1_000;

export interface Judging extends Part {
  /** Keeps statuses and judges their monitors. */
  apply(statuses: readonly RegionStatus[]): Promise<void>;
}

/** Brings votes to the verdict: when results arrive, and when votes go stale because none do. */
export function createJudging({
  statuses,
  regionsOf,
  metrics,
  clock,
  logger,
}: {
  readonly statuses: StatusStore;
  /** The regions that vote on a monitor. */
  readonly regionsOf: (subject: Case) => readonly string[];
  readonly metrics: Pick<Metrics, "verdictChanges" | "storeSeconds">;
  readonly clock: Clock;
  readonly logger: Logger;
}): Judging {
  let timer: NodeJS.Timeout | undefined;
  let sweeping: Promise<void> | undefined;

  const judgeCase = (subject: Case) => judge(subject.votes, regionsOf(subject), subject.policy, clock.now());

  function tell(changes: readonly VerdictChange[]): void {
    for (const { monitorId, from, to } of changes) {
      metrics.verdictChanges.inc({ to });
      logger.info({ monitor: monitorId, from, to }, "A verdict changed");
    }
  }

  async function sweep(): Promise<void> {
    try {
      tell(await statuses.rejudgeStale(SWEEP_AT_ONCE, judgeCase));
    } catch (thrown) {
      logger.warn({ reason: errorText(thrown) }, "Stale verdicts could not be judged again");
    }
  }

  return {
    async apply(fresh) {
      const end = metrics.storeSeconds.startTimer({ store: "postgres" });
      tell(await statuses.apply(fresh, judgeCase));
      end();
    },
    async start() {
      timer = setInterval(() => {
        sweeping ??= sweep().finally(() => {
          sweeping = undefined;
        });
      }, SWEEP_EVERY_MS);
    },
    async stop() {
      clearInterval(timer);
      await sweeping;
    },
  };
}
