/** What comes first is taken first; of equals, any. */
export interface Heap<T> {
  push(item: T): void;
  pop(): T | undefined;
  peek(): T | undefined;
}

export function createHeap<T>(keyOf: (item: T) => number): Heap<T> {
  const items: T[] = [];
  const isBefore = (a: number, b: number) => keyOf(items[a] as T) < keyOf(items[b] as T);
  const swap = (a: number, b: number) => {
    [items[a], items[b]] = [items[b] as T, items[a] as T];
  };
  return {
    peek: () => items[0],
    push(item) {
      items.push(item);
      for (let at = items.length - 1; at > 0 && isBefore(at, (at - 1) >> 1); at = (at - 1) >> 1)
        swap(at, (at - 1) >> 1);
    },
    pop() {
      if (items.length > 0) swap(0, items.length - 1);
      const first = items.pop();
      for (let at = 0; ; ) {
        const [left, right] = [2 * at + 1, 2 * at + 2];
        if (left >= items.length) return first;
        const least = right < items.length && isBefore(right, left) ? right : left;
        if (!isBefore(least, at)) return first;
        swap(at, least);
        at = least;
      }
    },
  };
}
