import { CheckFailure } from "../net/failure.ts";
import type { BodyBudget } from "./body-budget.ts";
import { createByteStore } from "./byte-store.ts";
import { type Decoding, decodersOf, startDecoding } from "./http-decoding.ts";
import type { BodySink } from "./http-exchange.ts";

export interface BodyReader extends BodySink {
  /** How much was read, after decompression, in bytes. */
  readonly bytes: number;
  /** What was kept, as text; it is handed out once. */
  text(charset: string | null): string;
  /** Lets go of all that it holds, also in the middle of a body. To be called in any case. */
  close(): void;
}

/**
 * So much more than `maxBytes` may wait to be decompressed, in bytes. What waits
 * then must be enough: honest data does not shrink when it is decompressed.
 */
const WAITING_MARGIN = 262_144;

/**
 * Reads a body up to `maxBytes` after decompression and then is done, whatever is
 * still to come. Keeps it only when `keep`. Encodings that are not known are read
 * as they are.
 */
export function createBodyReader(options: {
  readonly contentEncoding: string | null;
  readonly maxBytes: number;
  readonly keep: boolean;
  /** Pays for what is held. */
  readonly budget: BodyBudget;
}): BodyReader {
  const { maxBytes, keep, contentEncoding, budget } = options;
  const kept = keep ? createByteStore({ maxBytes, share: budget.open() }) : null;
  const decoders = decodersOf(contentEncoding);
  let decoding: Decoding | null = null;
  let finished = false;

  const settle = (failure?: unknown) => {
    if (finished) return;
    finished = true;
    decoding?.destroy();
    reader.onDone(failure);
  };
  /** Settles with what `work` throws. */
  const guarded = (work: (chunk: Buffer) => void) => (chunk: Buffer) => {
    if (finished) return;
    try {
      work(chunk);
    } catch (thrown) {
      settle(thrown);
    }
  };
  const take = guarded((chunk) => {
    const taken = chunk.subarray(0, maxBytes - reader.bytes);
    reader.bytes += taken.length;
    kept?.append(taken);
    if (reader.bytes >= maxBytes) settle();
  });

  const reader: BodyReader & { bytes: number } = {
    onDone: () => undefined,
    bytes: 0,
    write: guarded((chunk) => {
      if (decoders.length === 0) return take(chunk);
      decoding ??= startDecoding(
        decoders.map((create) => create(chunk)),
        { maxWaiting: maxBytes + WAITING_MARGIN, budget },
        {
          onData: take,
          onEnd: () => settle(),
          onError: ({ message }) =>
            settle(new CheckFailure("http_bad_encoding", `the body is not valid ${contentEncoding}: ${message}`)),
        },
      );
      decoding.write(chunk);
    }),
    end() {
      if (decoding === null) settle();
      else decoding.end();
    },
    text: (charset) => (kept === null ? "" : decode(kept.take(), charset)),
    close() {
      settle();
      kept?.take();
    },
  };
  return reader;
}

function decode(body: Buffer, charset: string | null): string {
  if (charset === null || /^utf-?8$/i.test(charset)) return body.toString("utf8");
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    return body.toString("utf8"); // A charset that nobody knows.
  }
}
