import { CheckFailure } from "../net/failure.ts";

/** All chunk extensions of a body together are no longer, in bytes: Node's own limit. */
export const MAX_EXTENSION_BYTES = 16_384;
/** No chunk's size has more digits, leading zeros included. */
const MAX_SIZE_DIGITS = 16;

const sizeLine = new RegExp(`^([0-9a-fA-F]{1,${MAX_SIZE_DIGITS}})((?:[ \\t]*;[\\t\\x20-\\x7e\\x80-\\xff]*)?)\\r$`);
const LF = 0x0a;

/** Reads a body in chunks (RFC 9112 §7.1) up to the last chunk's line; trailers are for others. */
export function createChunkReader(onBody: (piece: Buffer) => void) {
  let state: "size" | "data" | "dataEnd" = "size";
  let left = 0;
  let extensionBytes = 0;
  /** What came of a line that is not all there. */
  let held = "";

  return {
    /**
     * Takes what belongs together from `at` on.
     * @returns where the rest begins, and whether it follows the last chunk's line
     * @throws CheckFailure `http_protocol`
     */
    take(bytes: Buffer, at: number): { readonly at: number; readonly last: boolean } {
      if (state === "data") {
        const end = Math.min(bytes.length, at + left);
        left -= end - at;
        onBody(bytes.subarray(at, end));
        if (left === 0) state = "dataEnd";
        return { at: end, last: false };
      }
      const found = bytes.indexOf(LF, at);
      const end = found === -1 ? bytes.length : found;
      if (held.length + end - at > MAX_SIZE_DIGITS + MAX_EXTENSION_BYTES) throw tooLong();
      held += bytes.toString("latin1", at, end);
      if (found === -1) return { at: end, last: false };
      const line = held;
      held = "";
      if (state === "dataEnd") {
        if (line !== "\r") throw new CheckFailure("http_protocol", "a chunk of the response is longer than it said");
        state = "size";
        return { at: end + 1, last: false };
      }
      left = sizeOf(line);
      state = "data";
      return { at: end + 1, last: left === 0 };
    },
  };

  function sizeOf(line: string): number {
    const [, digits = "", extension = ""] = sizeLine.exec(line) ?? [];
    const size = Number.parseInt(digits, 16);
    if (!Number.isSafeInteger(size))
      throw new CheckFailure("http_protocol", "a chunk of the response has no valid size");
    extensionBytes += extension.length;
    if (extensionBytes > MAX_EXTENSION_BYTES) throw tooLong();
    return size;
  }
}

function tooLong(): CheckFailure {
  return new CheckFailure("http_protocol", "the response's chunk extensions are too large");
}
