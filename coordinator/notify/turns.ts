/** Keeps one key from taking every place: each has at most `limit` turns at a time. */
export interface Turns {
  /** A turn, and what gives it back; null while the key has as many as it may. */
  take(key: string): (() => void) | null;
}

export function createTurns(limit: number): Turns {
  const taken = new Map<string, number>();
  return {
    take(key) {
      const count = taken.get(key) ?? 0;
      if (count >= limit) return null;
      taken.set(key, count + 1);
      return () => {
        const left = (taken.get(key) ?? 1) - 1;
        if (left === 0) taken.delete(key);
        else taken.set(key, left);
      };
    },
  };
}
