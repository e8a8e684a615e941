import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { newId } from "../../shared/id.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { Course } from "../incidents/follow.ts";
import { follow, graceMs } from "../incidents/follow.ts";
import type { Evidence } from "../incidents/incident.ts";
import type { Metrics } from "../metrics.ts";
import type { RegionStatus } from "../store/status.ts";
import type { Case, CastVote, Follow, Judge, Judged, RegionResult, VerdictStore } from "../store/verdicts.ts";
import { step } from "../verdict/machine.ts";

/** How often it is looked for monitors for which something falls due, in ms, and how many are judged at once. */
const SWEEP_EVERY_MS = 500;
const SWEEP_AT_ONCE = 1_000;

/** What a verdict depends on beside the votes. */
export interface Circumstances {
  /** The regions that have a vote now. */
  readonly regions: readonly string[];
  /** Those that would have one, were they not impaired. */
  readonly impaired: readonly string[];
  /** Until when each of those that have come up lately has no time for a vote, in ms since the epoch. */
  readonly newcomers: Readonly<Record<string, number>>;
  /** Since when a region has come up, has lost, or got back, its vote for the last time, in ms since the epoch. */
  readonly votingSince: number;
  /** Those of them of which it is being found out whether they see anything right. */
  readonly suspects: readonly string[];
  /** Whether a region has no live agent; asked only when checks are. */
  readonly isAbsent: (region: string) => boolean;
  readonly maintenance: boolean;
}

export interface Judging extends Part {
  /** Judges the monitors of results that came in. */
  apply(results: readonly RegionResult[]): Promise<void>;
}

/** Brings votes to the verdict: when results arrive, and when something falls due though none do. */
export function createJudging({
  verdicts,
  circumstancesOf,
  onConfirm,
  onBack,
  metrics,
  clock,
  logger,
}: {
  readonly verdicts: Pick<VerdictStore, "judge" | "judgeDue">;
  /** Told what is judged, and as of when, in ms since the epoch. */
  readonly circumstancesOf: (subject: Case, at: number) => Circumstances;
  /** Asked for checks of a monitor in some regions at once; `at` is the instant that they are scheduled at. */
  readonly onConfirm: (monitorId: string, regions: readonly string[], at: number) => void;
  /** Told that a monitor is not down any more, and as of when, in ms since the epoch. */
  readonly onBack?: (monitorId: string, at: number) => void;
  readonly metrics: Pick<
    Metrics,
    "verdictChanges" | "storeSeconds" | "incidentsOpened" | "detectSeconds" | "confirmSeconds"
  >;
  readonly clock: Clock;
  readonly logger: Logger;
}): Judging {
  let timer: NodeJS.Timeout | undefined;
  let sweeping: Promise<void> | undefined;

  const judge: Judge = (subject) => {
    // A coordinator whose clock is behind takes nothing back: maintenance that is over for one does not begin again for another.
    const now = Math.max(Math.floor(clock.now()), subject.state.at);
    return step({ ...subject, ...circumstancesOf(subject, now) }, subject.arrivals, now);
  };

  const followCase: Follow = ({ monitorId, policy, state }, outcome, incident, stored) =>
    follow({
      monitorId,
      incident,
      effects: outcome.effects,
      flapping: state.flapping,
      settled: outcome.state.settled,
      graceMs: graceMs(policy.intervalMs),
      newId: () => newId("inc"),
      evidenceOf: (vote) => evidenceOf(vote, stored),
    });

  function count(course: Course | null): void {
    const incident = course?.incident;
    if (!incident || !course.timeline.some(({ type }) => type === "opened")) return;
    const { kind, level, startedAt, detectedAt, confirmedAt } = incident;
    metrics.incidentsOpened.inc({ kind, level });
    metrics.detectSeconds.observe(Math.max(0, detectedAt - startedAt) / 1_000);
    metrics.confirmSeconds.observe(Math.max(0, confirmedAt - detectedAt) / 1_000);
  }

  function tell({ monitorId, from, outcome, course }: Judged): void {
    count(course);
    for (const effect of outcome.effects) {
      if (effect.type !== "confirm") continue;
      logger.info(
        { monitor: monitorId, regions: effect.regions },
        "A verdict is in doubt: checks are asked for everywhere",
      );
      onConfirm(monitorId, effect.regions, effect.at);
    }
    const to = outcome.state.verdict;
    if (to === from) return;
    metrics.verdictChanges.inc({ to });
    if (from === "down") onBack?.(monitorId, outcome.state.at);
    logger.info({ monitor: monitorId, from, to }, "A verdict changed");
  }

  async function sweep(): Promise<void> {
    try {
      for (const judged of await verdicts.judgeDue(SWEEP_AT_ONCE, judge, followCase)) tell(judged);
    } catch (thrown) {
      logger.warn({ reason: errorText(thrown) }, "Verdicts that are due could not be judged");
    }
  }

  return {
    async apply(results) {
      const end = metrics.storeSeconds.startTimer({ store: "postgres" });
      for (const judged of await verdicts.judge(results, judge, followCase)) tell(judged);
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

/** What a region saw: the result that its vote is of, since when it has been seeing the same. */
function evidenceOf(
  { region, status, checkedAt, sideSince, result }: CastVote,
  stored: readonly RegionStatus[],
): Evidence {
  const seen = result ?? stored.find((candidate) => candidate.region === region);
  return {
    region,
    status,
    since: sideSince,
    checkedAt,
    latencyMs: seen?.latencyMs ?? 0,
    statusCode: seen?.statusCode ?? null,
    address: seen?.address ?? null,
    phase: seen?.phase ?? null,
    error: seen?.error ?? null,
    certificate: seen?.certificate ?? null,
    backSince: null,
  };
}
