import type { BodyShare } from "./body-budget.ts";

const nothing = Buffer.alloc(0);

/**
 * Bytes in memory of their own. A piece as the parser hands it out keeps alive the
 * whole read that it was cut from: a server that sends a byte at a time would fill
 * the memory with nothing.
 * @param maxBytes it makes no room for more until there is more
 * @param share pays for the room; what is small in any case needs none
 */
export function createByteStore({
  maxBytes = Number.POSITIVE_INFINITY,
  share,
}: {
  readonly maxBytes?: number;
  readonly share?: BodyShare;
} = {}) {
  let buffer = nothing;
  // A field, for a getter would cost each store a hidden class of its own.
  const store = {
    length: 0,
    /** @throws CheckFailure when its share cannot pay for more room. */
    append(piece: Buffer) {
      const length = store.length + piece.length;
      if (length > buffer.length) {
        const capacity = Math.max(4_096, length, Math.min(2 * buffer.length, maxBytes));
        share?.resize(capacity);
        const larger = Buffer.allocUnsafeSlow(capacity);
        buffer.copy(larger, 0, 0, store.length);
        buffer = larger;
      }
      piece.copy(buffer, store.length);
      store.length = length;
    },
    /** What is there, until the next piece comes. */
    view: () => buffer.subarray(0, store.length),
    /** All that is there; it is empty then, and its share given back. */
    take(): Buffer {
      const all = buffer.subarray(0, store.length);
      buffer = nothing;
      store.length = 0;
      share?.resize(0);
      return all;
    },
  };
  return store;
}
