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
  let length = 0;
  return {
    get length() {
      return length;
    },
    /** @throws CheckFailure when its share cannot pay for more room. */
    append(piece: Buffer) {
      const needed = length + piece.length;
      if (needed > buffer.length) {
        const capacity = Math.max(4_096, needed, Math.min(2 * buffer.length, maxBytes));
        share?.resize(capacity);
        const larger = Buffer.allocUnsafeSlow(capacity);
        buffer.copy(larger, 0, 0, length);
        buffer = larger;
      }
      piece.copy(buffer, length);
      length = needed;
    },
    /** What is there, until the next piece comes. */
    view: () => buffer.subarray(0, length),
    /** All that is there; it is empty then, and its share given back. */
    take(): Buffer {
      const all = buffer.subarray(0, length);
      buffer = nothing;
      length = 0;
      share?.resize(0);
      return all;
    },
  };
}
