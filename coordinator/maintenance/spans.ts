import { Cron } from "croner";
import { DAY_MS, firstAt, lastAt, wallTimeAt, weekdayOf } from "../local-time.ts";
import type { CronTimes, Weekly, When } from "./document.ts";

/** An unbroken time of maintenance, in ms since the epoch; `to` is the first instant after it. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A time that a clock change swallows leaves a week out, so two weeks are looked at, beside the two days before and the day itself. */
const WEEKLY_AHEAD_DAYS = 18;
/** So many occurrences of a cron expression that run into each other are taken together, and no more. */
const MAX_JOINED = 100;

/**
 * The span that is on at an instant, or else the next one; null when there is none
 * any more. Occurrences that overlap or adjoin are one span; of those that never
 * stop running into each other, a part at a time.
 *
 * - `weekly`: from when the clock there first shows `from`, or later, on such a day,
 *   until it last shows an earlier time than `to`. So an hour that comes twice, when
 *   the clock is set back, belongs to it as a whole if part of it does; and where a
 *   time is skipped, when the clock is set forward, that moment takes its place.
 * - `cron`: each time the expression comes round, for its duration. A time that is
 *   skipped comes at the moment of the change; a fixed one that comes twice counts
 *   once, the first time.
 */
export function nextSpan(when: When, at: number): Span | null {
  const isAhead = ({ to }: Span) => to > at;
  if ("once" in when) return isAhead(when.once) ? when.once : null;
  const occurrences = "weekly" in when ? weeklySpans(when.weekly, at) : cronSpans(when.cron, at);
  return joined(occurrences).find(isAhead) ?? null;
}

export function isActive(when: When, at: number): boolean {
  const span = nextSpan(when, at);
  return span !== null && span.from <= at;
}

/** When it begins or ends next, after an instant; null when it does not any more. */
export function nextEdge(when: When, after: number): number | null {
  const span = nextSpan(when, after);
  if (span === null) return null;
  return span.from > after ? span.from : span.to;
}

/** Its time within bounds, as spans in order that neither overlap nor adjoin. */
export function spans(when: When, from: number, to: number): Span[] {
  const found: Span[] = [];
  for (let at = from; at < to; ) {
    const span = nextSpan(when, at);
    if (span === null || span.from >= to) break;
    found.push({ from: Math.max(span.from, from), to: Math.min(span.to, to) });
    at = span.to;
  }
  return joined(found);
}

/** @param ordered by their beginnings. */
function joined(ordered: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const span of ordered) {
    const last = result.at(-1);
    if (last && span.from <= last.to) result[result.length - 1] = { ...last, to: Math.max(last.to, span.to) };
    else result.push(span);
  }
  return result;
}

const timeMs = (time: string) => Date.parse(`1970-01-01T${time}Z`);

function weeklySpans({ days, from, to, timeZone }: Weekly, at: number): Span[] {
  const today = Math.floor(wallTimeAt(at, timeZone) / DAY_MS) * DAY_MS;
  const length = timeMs(to) - timeMs(from);
  return Array.from({ length: WEEKLY_AHEAD_DAYS }, (_, n) => today + (n - 2) * DAY_MS)
    .filter((day) => days.includes(weekdayOf(day)))
    .map((day) => day + timeMs(from))
    .map((begin) => ({
      from: firstAt(begin, timeZone),
      to: lastAt(begin + (length > 0 ? length : length + DAY_MS), timeZone),
    }))
    .filter((span) => span.to > span.from);
}

function cronSpans({ expression, durationMs, timeZone }: CronTimes, at: number): Span[] {
  const cron = new Cron(expression, { mode: "5-part", timezone: timeZone, paused: true });
  const found: Span[] = [];
  let next = cron.nextRun(new Date(at - durationMs));
  while (next !== null && found.length < MAX_JOINED) {
    const from = next.getTime();
    if (from > (found.at(-1)?.to ?? from)) break;
    found.push({ from, to: from + durationMs });
    next = cron.nextRun(next);
  }
  return found;
}
