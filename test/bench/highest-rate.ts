export interface HighestRate<T> {
  readonly rate: number;
  readonly seen: T;
}

/**
 * The highest rate that is kept: goes up through ascending rates to the first that
 * is not, then tries once between that and the one before it.
 * @param isKept what was seen at a rate, null when it was not kept
 * @param withinMs no rate is begun later than this
 * @returns null when none was kept
 */
export async function findHighestRate<T>({
  rates,
  isKept,
  withinMs,
}: {
  readonly rates: readonly number[];
  readonly isKept: (rate: number) => Promise<T | null>;
  readonly withinMs: number;
}): Promise<HighestRate<T> | null> {
  const end = performance.now() + withinMs;
  let best: HighestRate<T> | null = null;
  for (const rate of rates) {
    if (performance.now() >= end) return best;
    const seen = await isKept(rate);
    if (seen !== null) {
      best = { rate, seen };
      continue;
    }
    if (best === null || performance.now() >= end) return best;
    const between = Math.round((best.rate + rate) / 2);
    const seenBetween = await isKept(between);
    return seenBetween === null ? best : { rate: between, seen: seenBetween };
  }
  return best;
}
