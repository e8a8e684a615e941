import type { Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from "node:zlib";
import { CheckFailure } from "../net/failure.ts";
import type { BodyBudget } from "./body-budget.ts";
import { createByteStore } from "./byte-store.ts";

/** A response with more layers of compression is an attack. */
const MAX_ENCODINGS = 3;

type CreateDecoder = (firstChunk: Buffer) => Transform;

const decodersByName: ReadonlyMap<string, CreateDecoder> = new Map<string, CreateDecoder>([
  ["gzip", () => createGunzip()],
  ["x-gzip", () => createGunzip()],
  ["br", () => createBrotliDecompress()],
  // Some servers send raw deflate data without zlib's header (RFC 9110 §8.4.1.2, note).
  ["deflate", (first) => (((first[0] ?? 0) & 0x0f) === 0x08 ? createInflate() : createInflateRaw())],
]);

/** The decoders of a Content-Encoding, in the order in which to undo them. */
export function decodersOf(header: string | null): CreateDecoder[] {
  const names = (header ?? "")
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && name !== "identity");
  if (names.length > MAX_ENCODINGS) {
    throw new CheckFailure("http_bad_encoding", `the body is encoded ${names.length} times`);
  }
  const decoders = names.reverse().map((name) => decodersByName.get(name));
  return decoders.every((decoder) => decoder !== undefined) ? decoders : [];
}

export interface Decoding {
  /** @throws CheckFailure when the budget has no room for what waits. */
  write(chunk: Buffer): void;
  end(): void;
  destroy(): void;
}

/**
 * Sends bytes through decoders, one piece at a time. What comes meanwhile waits;
 * when more than `maxWaiting` waits, it is taken for the end.
 */
export function startDecoding(
  decoders: readonly Transform[],
  { maxWaiting, budget }: { readonly maxWaiting: number; readonly budget: BodyBudget },
  events: { onData(chunk: Buffer): void; onEnd(): void; onError(thrown: Error): void },
): Decoding {
  const waiting = createByteStore({ maxBytes: maxWaiting, share: budget.open() });
  const inWork = budget.open();
  const first = decoders[0] as Transform;
  let busy = false;
  let ended = false;
  for (const decoder of decoders) decoder.on("error", events.onError);
  decoders
    .reduce((from, to) => from.pipe(to))
    .on("data", events.onData)
    .on("end", events.onEnd);

  function feed(): void {
    if (busy || first.destroyed) return;
    if (waiting.length > 0) {
      busy = true;
      const piece = waiting.take();
      inWork.resize(piece.length); // No more than was just given back.
      first.write(piece, () => {
        inWork.resize(0);
        busy = false;
        feed();
      });
    } else if (ended && !first.writableEnded) first.end();
  }
  return {
    write(chunk) {
      if (ended) return;
      waiting.append(chunk);
      ended = waiting.length > maxWaiting;
      feed();
    },
    end() {
      ended = true;
      feed();
    },
    destroy() {
      for (const decoder of decoders) decoder.destroy();
      waiting.take();
      inWork.resize(0);
    },
  };
}
