/**
 * The smallest value that at least the share `q` (above 0, at most 1) of the
 * values do not exceed: the nearest-rank quantile. NaN without values.
 */
export function quantile(ascending: readonly number[], q: number): number {
  return ascending[Math.max(0, Math.ceil(q * ascending.length) - 1)] ?? Number.NaN;
}

export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** The middle, the tail and the worst of some values, in any order; NaN without values. */
export function spreadOf(values: readonly number[]): Spread {
  const ascending = [...values].sort((a, b) => a - b);
  return { p50: quantile(ascending, 0.5), p99: quantile(ascending, 0.99), max: quantile(ascending, 1) };
}
