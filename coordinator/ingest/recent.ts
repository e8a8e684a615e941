/**
 * Remembers keys for a while, in bounded memory: two generations, of which the
 * older is dropped when the younger is full or old enough.
 */
export interface RecentKeys {
  /** True the first time a key is given, false while it is remembered. */
  add(key: string): boolean;
  /** Forgets a key, so that it counts as new again. */
  remove(key: string): void;
}

export function createRecentKeys({
  perGeneration,
  maxAgeMs,
  now,
}: {
  readonly perGeneration: number;
  /** A key is remembered for at least this long, if there is room, and at most twice as long; in ms. */
  readonly maxAgeMs: number;
  readonly now: () => number;
}): RecentKeys {
  let young = new Set<string>();
  let old = new Set<string>();
  let since = now();
  return {
    add(key) {
      if (young.size >= perGeneration || now() - since >= maxAgeMs) {
        old = young;
        young = new Set();
        since = now();
      }
      if (young.has(key) || old.has(key)) return false;
      young.add(key);
      return true;
    },
    remove(key) {
      young.delete(key);
      old.delete(key);
    },
  };
}
