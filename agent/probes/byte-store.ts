const nothing = Buffer.alloc(0);

/**
 * Bytes in memory of their own. A piece as the parser hands it out keeps alive the
 * whole read that it was cut from: a server that sends a byte at a time would fill
 * the memory with nothing.
 */
export function createByteStore() {
  let buffer = nothing;
  let length = 0;
  return {
    get length() {
      return length;
    },
    append(piece: Buffer) {
      if (length + piece.length > buffer.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(4_096, 2 * buffer.length, length + piece.length));
        buffer.copy(larger, 0, 0, length);
        buffer = larger;
      }
      piece.copy(buffer, length);
      length += piece.length;
    },
    /** What is there, until the next piece comes. */
    view: () => buffer.subarray(0, length),
    /** All that is there; it is empty then. */
    take(): Buffer {
      const all = buffer.subarray(0, length);
      buffer = nothing;
      length = 0;
      return all;
    },
  };
}
