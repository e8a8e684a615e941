import type { Incident } from "../incidents/incident.ts";
import type { Verdict } from "../verdict/verdict.ts";
import type { Account } from "./account.ts";
import type { Span, Stretch } from "./spans.ts";
import { isOnPurpose, knownWell } from "./spans.ts";

const DAY_MS = 86_400_000;
/** The windows that uptime is told over, up to now. */
export const uptimeWindows = { "24h": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS, "90d": 90 * DAY_MS } as const;
export type UptimeWindow = keyof typeof uptimeWindows;

/** How long each verdict stood in a window, in ms; together the length of the window. */
export type Durations = Readonly<Record<`${Verdict}Ms`, number>>;

/** What an objective leaves room for. */
export interface ErrorBudget {
  /** The share of time that it is to be up, in percent. */
  readonly slo: number;
  /** How long it may be down in as much time as was observed, in ms. */
  readonly allowedMs: number;
  readonly usedMs: number;
  /** Below 0 when more was used than is allowed. */
  readonly leftMs: number;
  /** How many times as fast as allowed it is used; null where nothing is allowed or observed. */
  readonly burnRate: number | null;
}

export interface Uptime {
  /** Share of the observed time in which it was not down, from 0 to 1; null when nothing was observed. */
  readonly uptime: number | null;
  /** Up, degraded and down; paused, in maintenance and unknown it is not observed. */
  readonly observedMs: number;
  readonly downtimeMinutes: number;
  readonly durations: Durations;
  readonly errorBudget: ErrorBudget | null;
}

/** Uptime by verdict over spans that partition a window. */
export function uptimeOf(spans: readonly Span[], slo: number | null): Uptime {
  const lasted = (verdict: Verdict) =>
    spans.reduce((sum, span) => sum + (span.verdict === verdict ? span.to - span.from : 0), 0);
  const durations = {
    upMs: lasted("up"),
    degradedMs: lasted("degraded"),
    downMs: lasted("down"),
    unknownMs: lasted("unknown"),
    pausedMs: lasted("paused"),
    maintenanceMs: lasted("maintenance"),
  };
  const { upMs, degradedMs, downMs } = durations;
  const observedMs = upMs + degradedMs + downMs;
  return {
    uptime: observedMs === 0 ? null : (upMs + degradedMs) / observedMs,
    observedMs,
    downtimeMinutes: downMs / 60_000,
    durations,
    errorBudget: slo === null ? null : budgetOf(slo, observedMs, downMs),
  };
}

function budgetOf(slo: number, observedMs: number, usedMs: number): ErrorBudget {
  // 100 − 99.9 is not 0.1 in binary; objectives have at most a few digits.
  const allowedMs = Math.round((observedMs * Math.round((100 - slo) * 1e9)) / 1e11);
  return {
    slo,
    allowedMs,
    usedMs,
    leftMs: allowedMs - usedMs,
    burnRate: allowedMs === 0 ? null : usedMs / allowedMs,
  };
}

/** Figures of a monitor's incidents. An incident that was nothing but unknown, paused or in maintenance in a window is in none. */
export interface IncidentFigures {
  /** Incidents in which it was down at some time in the window. */
  readonly down: number;
  /** The others in which it was degraded. */
  readonly degraded: number;
  /**
   * From the target's first failure to its recovery, the mean over those of the former that recovered; in ms.
   * Maintenance is left out, and the time that the target was well before the same incident came back.
   */
  readonly mttrMs: number | null;
  /** From the target's first failure until it was confirmed, the mean over all of the former, without maintenance; in ms. */
  readonly mttdMs: number | null;
}

type Course = Pick<Incident, "startedAt" | "confirmedAt" | "recoveredAt" | "resolvedAt">;

/**
 * Figures of a monitor's incidents that lasted at some time in a window.
 * @param spans from where the first of these incidents began to the end of the window.
 * @param wellBetween when the target was well before one of them came back.
 */
export function incidentFigures(
  window: Stretch,
  incidents: readonly Course[],
  spans: readonly Span[],
  wellBetween: readonly Stretch[],
): IncidentFigures {
  const [downIn, degradedIn] = (["down", "degraded"] as const).map((wanted) => {
    const lasted = timeIn(spans, (verdict) => verdict === wanted);
    return (incident: Course) =>
      lasted(common(window, { from: incident.startedAt, to: endOf(incident) ?? window.to })) > 0;
  }) as [(incident: Course) => boolean, (incident: Course) => boolean];
  const troubled = timeIn(knownWell(spans, wellBetween), (verdict) => verdict !== "up" && !isOnPurpose(verdict));
  const watched = timeIn(spans, (verdict) => !isOnPurpose(verdict));
  const outages = incidents.filter(downIn);
  return {
    down: outages.length,
    degraded: incidents.filter((incident) => !downIn(incident) && degradedIn(incident)).length,
    mttrMs: mean(
      outages.flatMap(({ startedAt, recoveredAt }) =>
        recoveredAt === null ? [] : troubled({ from: startedAt, to: recoveredAt }),
      ),
    ),
    mttdMs: mean(outages.map(({ startedAt, confirmedAt }) => watched({ from: startedAt, to: confirmedAt }))),
  };
}

function common(a: Stretch, b: Stretch): Stretch {
  return { from: Math.max(a.from, b.from), to: Math.min(a.to, b.to) };
}

/** How long verdicts of some kind stood within a stretch, in ms: there may be many stretches, and many spans. */
function timeIn(spans: readonly Span[], counts: (verdict: Verdict) => boolean): (stretch: Stretch) => number {
  const counted = spans.filter(({ verdict }) => counts(verdict));
  const before = [0];
  for (const { from, to } of counted) before.push((before.at(-1) as number) + to - from);
  /** From the first of them up to an instant. */
  const upTo = (instant: number): number => {
    let [low, high] = [0, counted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((counted[middle] as Span).from < instant) low = middle + 1;
      else high = middle;
    }
    const last = counted[low - 1];
    return last ? (before[low - 1] as number) + Math.min(instant, last.to) - last.from : 0;
  };
  return ({ from, to }) => (from < to ? upTo(to) - upTo(from) : 0);
}

function endOf({ recoveredAt, resolvedAt }: Course): number | null {
  return recoveredAt ?? resolvedAt;
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Uptime over a window, beside the account of the checks that it rests on. Times are ms since the epoch. */
export interface WindowUptime extends Uptime, Account {
  readonly window: UptimeWindow;
  /** Not before the monitor was made. */
  readonly from: number;
  readonly to: number;
  readonly incidents: IncidentFigures;
}

/** How a monitor did in the last 24 hours. */
export interface LastDay {
  readonly monitorId: string;
  /** Share of the observed time in which it was not down, from 0 to 1; null when nothing was observed. */
  readonly uptime: number | null;
  /** The worst that was observed in each hour up to now, the oldest first; null where nothing was. */
  readonly hours: ReadonlyArray<"down" | "degraded" | "up" | null>;
}

export interface DayUptime extends Omit<Uptime, "errorBudget"> {
  readonly from: number;
  readonly to: number;
}

/** The days of UTC that a window touches, each as far as it is in the window; the last one first. */
export function daysOf({ from, to }: Stretch): Stretch[] {
  const days: Stretch[] = [];
  if (from >= to) return days;
  for (let day = Math.ceil(to / DAY_MS) - 1; (day + 1) * DAY_MS > from; day--) {
    days.push({ from: Math.max(from, day * DAY_MS), to: Math.min(to, (day + 1) * DAY_MS) });
  }
  return days;
}

/** The part of spans that is in a window. */
export function cutTo({ from, to }: Stretch, spans: readonly Span[]): Span[] {
  return spans
    .filter((span) => span.from < to && span.to > from)
    .map((span) => ({ ...span, from: Math.max(from, span.from), to: Math.min(to, span.to) }));
}
