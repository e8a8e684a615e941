import type { Policy } from "../../../../coordinator/verdict/verdict.ts";
import type { Random } from "./random.ts";
import { createRandom } from "./random.ts";
import type { Span } from "./spans.ts";
import { union } from "./spans.ts";

/** What truly happens in one history, decided beforehand. Times are coordinator time, in ms since the epoch. */
export interface World {
  readonly seed: number;
  readonly policy: Policy;
  readonly regions: readonly string[];
  readonly span: Span;
  /** When each region's round 0 is due. */
  readonly firstDue: Readonly<Record<string, number>>;
  /** When a check from a region fails: the target's outages, and those of the region's own way to it. */
  readonly down: Readonly<Record<string, readonly Span[]>>;
  readonly degraded: Readonly<Record<string, readonly Span[]>>;
  /** The region has no agent: what it was at is lost. */
  readonly dead: Readonly<Record<string, readonly Span[]>>;
  /** The region's agent fails by itself: its results are errors. */
  readonly faulty: Readonly<Record<string, readonly Span[]>>;
  /** The region's results get lost, or are spooled and come when it is over. */
  readonly cut: Readonly<Record<string, readonly Span[]>>;
  /** How far ahead the region's corrected clock is. */
  readonly skewMs: Readonly<Record<string, number>>;
  /** When every region is asked for a check because of another monitor, which one depends on: by whole seconds. */
  readonly askedByOthers: readonly number[];
  /** How likely an answer to a confirmation is lost. */
  readonly answerLoss: number;
  /** How likely a result comes twice. */
  readonly repetition: number;
  /** How long a result is under way at the most. */
  readonly delayMs: number;
  /** No step is taken. */
  readonly away: readonly Span[];
  /** What is away: the process, so that results are received afterwards; or the store, so that steps are late. */
  readonly awayIs: "process" | "store";
  /** A step is taken up to so much after it was due. */
  readonly lateMs: number;
  /** When each region comes up, if not before the beginning. */
  readonly joins: Readonly<Record<string, number>>;
  /** When it is being found out whether a region sees anything right. */
  readonly suspected: Readonly<Record<string, readonly Span[]>>;
  readonly maintenance: readonly Span[];
  readonly paused: readonly Span[];
}

const START = 1_700_000_000_000;

/** The world of a seed: mostly a few kinds of trouble at once, rarely all. */
export function createWorld(seed: number): World {
  const random = createRandom(seed);
  const { pick, int, chance } = random;
  const intervalMs = pick([1_000, 5_000, 30_000, 30_000, 60_000, 60_000, 300_000, 300_000, 3_600_000]);
  const timeoutMs = Math.min(intervalMs, pick([1_000, 5_000, 10_000]));
  const regions = ["a", "b", "c", "d", "e"].slice(0, pick([1, 2, 3, 3, 3, 4, 5]));
  const quorum = pick<Policy["quorum"]>(["any", "majority", "majority", "majority", "all", 2, 3]);
  // A doubt takes its time whatever the interval.
  const unit = Math.max(intervalMs, 15_000);
  const from = START + int(0, 3_600_000);
  const span = { from, to: from + int(8, 25) * unit };
  const spans = makeSpans(random, span, unit);
  const each = <T>(make: (region: string, n: number) => T): Record<string, T> =>
    Object.fromEntries(regions.map((region, n) => [region, make(region, n)]));
  const some = (probability: number, count: number) => each(() => (chance(probability) ? spans(int(1, count)) : []));

  // What came to worlds later has numbers of its own, so that a seed's world stays what it was.
  const later = createRandom(seed ^ 0x5eed);
  const joins = later.chance(0.2)
    ? Object.fromEntries(regions.slice(1).map((region) => [region, later.int(from, Math.floor((from + span.to) / 2))]))
    : {};
  const suspicions = makeSpans(later, span, unit);
  const isSuspicious = later.chance(0.2);

  const kin = createRandom(seed ^ 0x514b);
  const askedByOthers = kin.chance(0.3)
    ? Array.from({ length: kin.int(1, 20) }, () => Math.ceil(kin.int(from, span.to) / 1_000) * 1_000)
    : [];

  const outages = chance(0.15) ? flaps(random, span, unit) : spans(int(0, 3));
  const partitions = some(0.25, 3);
  const slow = chance(0.2) ? spans(2) : [];
  const phase = int(0, intervalMs - 1);
  // Who checks every second needs results within the second: else votes go stale on the way.
  const tempo = Math.min(1, intervalMs / 6_000);
  const skew = Math.floor(1_000 * tempo);
  return {
    seed,
    policy: { enabled: true, intervalMs, timeoutMs, quorum },
    regions,
    span,
    firstDue: each((_, n) => from + ((phase + Math.floor((n * intervalMs) / regions.length)) % intervalMs)),
    down: each((region) => union([...outages, ...(partitions[region] ?? [])])),
    degraded: each(() => (chance(0.5) ? slow : [])),
    dead: some(chance(0.5) ? 0 : 0.3, 2),
    faulty: some(chance(0.7) ? 0 : 0.3, 2),
    cut: some(chance(0.6) ? 0 : 0.3, 2),
    skewMs: each(() => pick([0, int(-5, 5), int(-skew, skew)])),
    askedByOthers: [...new Set(askedByOthers)],
    answerLoss: pick([0, 0, 0.3, 1]),
    repetition: pick([0, 0.05, 0.3]),
    away: chance(0.25) ? spans(int(1, 2)) : [],
    awayIs: pick(["process", "store"]),
    delayMs: Math.floor(2_000 * tempo),
    lateMs: Math.floor(pick([0, 100, 2_900]) * tempo),
    joins,
    suspected: Object.fromEntries(
      regions.map((region) => [region, isSuspicious && later.chance(0.5) ? suspicions(later.int(1, 6)) : []]),
    ),
    maintenance: chance(0.15) ? spans(1) : [],
    paused: chance(0.1) ? spans(1) : [],
  };
}

/** Spans at random: blips, a few intervals, and long ones. */
function makeSpans({ int, pick }: Random, span: Span, unit: number) {
  return (count: number): Span[] =>
    union(
      Array.from({ length: count }, () => {
        const from = int(span.from, span.to);
        const length = pick([int(1, 2_000), int(1, unit), int(unit, 4 * unit), int(3 * unit, 12 * unit)]);
        return { from, to: Math.min(span.to, from + length) };
      }).filter(({ from, to }) => from < to),
    );
}

function flaps({ int }: Random, span: Span, unit: number): Span[] {
  const spans: Span[] = [];
  for (let at = span.from + int(0, unit); at < span.to; at += int(1, 3 * unit)) {
    const from = at;
    at += int(1, 3 * unit);
    spans.push({ from, to: Math.min(at, span.to) });
  }
  return union(spans.filter(({ from, to }) => from < to));
}
