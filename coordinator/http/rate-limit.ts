/** How many sources are told apart; beyond them all are over the limit. */
const MAX_SOURCES = 10_000;

/** Counts what comes from where, in windows of equal length. */
export interface RateLimit {
  /** Whether this source, or all of them together, had its share of this window. */
  isOver(source: string): boolean;
  count(source: string): void;
  /** How long the window goes on, in ms. */
  readonly restMs: number;
}

export function createRateLimit({
  windowMs,
  perSource,
  overall,
  now,
}: {
  readonly windowMs: number;
  readonly perSource: number;
  readonly overall: number;
  readonly now: () => number;
}): RateLimit {
  let began = now();
  let total = 0;
  const counts = new Map<string, number>();

  function turn(): void {
    if (now() - began < windowMs) return;
    began = now();
    total = 0;
    counts.clear();
  }

  return {
    isOver(source) {
      turn();
      return total >= overall || (counts.get(source) ?? 0) >= perSource || counts.size >= MAX_SOURCES;
    },
    count(source) {
      turn();
      total++;
      counts.set(source, (counts.get(source) ?? 0) + 1);
    },
    get restMs() {
      return Math.max(0, began + windowMs - now());
    },
  };
}
