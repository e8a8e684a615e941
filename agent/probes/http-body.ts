import type { Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from "node:zlib";
import { CheckFailure } from "../net/failure.ts";
import type { BodySink } from "./http-exchange.ts";

export interface BodyReader extends BodySink {
  /** How much was read, after decompression, in bytes. */
  readonly bytes: number;
  /** What was read, as text. */
  text(charset: string | null): string;
}

/** A response with more layers of compression is an attack. */
const MAX_ENCODINGS = 3;
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
}): BodyReader {
  const { maxBytes, keep } = options;
  const chunks: Buffer[] = [];
  let bytes = 0;
  let finished = false;
  const settle = (failure?: CheckFailure) => {
    finished = true;
    input?.destroy();
    reader.onDone(failure);
  };
  const take = (chunk: Buffer) => {
    if (finished) return;
    const room = maxBytes - bytes;
    const taken = chunk.length > room ? chunk.subarray(0, room) : chunk;
    bytes += taken.length;
    if (keep && taken.length > 0) chunks.push(taken);
    if (bytes >= maxBytes) settle();
  };

  let input: Transform | null = null;
  const decoders = encodingsOf(options.contentEncoding);
  const open = (first: Buffer) => {
    const broken = (thrown: Error) =>
      finished ||
      settle(
        new CheckFailure("http_bad_encoding", `the body is not valid ${options.contentEncoding}: ${thrown.message}`),
      );
    let last: Transform | null = null;
    for (const create of decoders) {
      const decoder = create(first);
      decoder.on("error", broken);
      last?.pipe(decoder);
      input ??= decoder;
      last = decoder;
    }
    last?.on("data", take).on("end", () => finished || settle());
  };

  const reader: BodyReader = {
    onDone: () => undefined,
    get bytes() {
      return bytes;
    },
    write(chunk) {
      if (finished) return;
      if (decoders.length === 0) return take(chunk);
      if (input === null) open(chunk);
      if (input === null || input.writableEnded) return;
      if (input.writableLength > maxBytes + WAITING_MARGIN) input.end();
      else input.write(chunk);
    },
    end() {
      if (finished) return;
      if (input === null) settle();
      else input.end();
    },
    text(charset) {
      return decode(Buffer.concat(chunks), charset);
    },
  };
  return reader;
}

type CreateDecoder = (firstChunk: Buffer) => Transform;

const decodersByName: Readonly<Record<string, CreateDecoder>> = {
  gzip: () => createGunzip(),
  "x-gzip": () => createGunzip(),
  br: () => createBrotliDecompress(),
  // Some servers send raw deflate data without zlib's header (RFC 9110 §8.4.1.2, note).
  deflate: (first) => (((first[0] ?? 0) & 0x0f) === 0x08 ? createInflate() : createInflateRaw()),
};

/** The decoders of a Content-Encoding, in the order in which to undo them. */
function encodingsOf(header: string | null): CreateDecoder[] {
  const names = (header ?? "")
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && name !== "identity");
  if (names.length > MAX_ENCODINGS) {
    throw new CheckFailure("http_bad_encoding", `the body is encoded ${names.length} times`);
  }
  const decoders = names.reverse().map((name) => decodersByName[name]);
  return decoders.every((decoder) => decoder !== undefined) ? decoders : [];
}

function decode(body: Buffer, charset: string | null): string {
  if (charset === null || /^utf-?8$/i.test(charset)) return body.toString("utf8");
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    return body.toString("utf8"); // A charset that nobody knows.
  }
}
