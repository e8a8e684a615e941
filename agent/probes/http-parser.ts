import { CheckFailure } from "../net/failure.ts";
import { createByteStore } from "./byte-store.ts";
import { createChunkReader } from "./http-chunks.ts";
import { parseFields, parseHead, type ResponseHead } from "./http-head.ts";

/** What a parser finds, in this order. Pieces of the body are parts of what was written. */
export interface ResponseEvents {
  /** The first byte of a response, interim ones included. */
  onStart(): void;
  /** An interim response (1xx) has ended; another one begins. */
  onInterim(): void;
  onHead(head: ResponseHead): void;
  onBody(piece: Buffer): void;
  /** The response is complete. */
  onEnd(): void;
}

export interface ResponseParser {
  /**
   * Takes the next bytes. What follows the response is ignored.
   * @throws CheckFailure `http_protocol`; the parser is of no use then
   */
  write(chunk: Buffer): void;
  /** The connection has ended: whether that ends the response, or had ended before. */
  end(): boolean;
}

/** All heads and trailers of an exchange together are no larger, in bytes. */
export const MAX_HEAD_BYTES = 65_536;

const HEAD_END = Buffer.from("\r\n\r\n");
const LINE_END = HEAD_END.subarray(2);
const BEGINNING = "HTTP/1.";
const LF = 0x0a;
const CR = 0x0d;

type State = "start" | "head" | "length" | "chunks" | "trailers" | "close" | "complete";

/**
 * Reads the response to one request from bytes as they come (RFC 9112). Keeps no more than
 * an unfinished head or trailer section.
 * @param method of the request: HEAD has no body
 */
export function createResponseParser(method: string, events: ResponseEvents): ResponseParser {
  let state: State = "start";
  /** What came of a head or of trailers that are not all there. */
  let gathered: ReturnType<typeof createByteStore> | null = null;
  let headBytes = 0;
  /** Of a body whose length is known. */
  let left = 0;
  let chunks: ReturnType<typeof createChunkReader> | null = null;

  return {
    write(chunk) {
      let at = 0;
      while (at < chunk.length && state !== "complete") at = take(chunk, at);
    },
    end() {
      if (state === "close") complete();
      return state === "complete";
    },
  };

  /** Takes what belongs together from `at` on, and returns where the rest begins. */
  function take(chunk: Buffer, at: number): number {
    switch (state) {
      case "start":
        state = "head";
        events.onStart();
        return takeHead(chunk, at);
      case "head":
        return takeHead(chunk, at);
      case "length": {
        const end = Math.min(chunk.length, at + left);
        left -= end - at;
        events.onBody(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
        if (left === 0) complete();
        return end;
      }
      case "chunks": {
        const next = (chunks as NonNullable<typeof chunks>).take(chunk, at);
        if (next.last) {
          state = "trailers";
          // So the section ends as a head does, also when it is empty.
          gathered = createByteStore();
          gathered.append(LINE_END);
        }
        return next.at;
      }
      case "trailers": {
        const { text, next } = gather(chunk, at);
        if (text === null) return next;
        parseFields(text, LINE_END.length);
        complete();
        return next;
      }
      case "close":
        events.onBody(at === 0 ? chunk : chunk.subarray(at));
        return chunk.length;
      case "complete":
        return chunk.length;
    }
  }

  function takeHead(chunk: Buffer, at: number): number {
    const { text, next } = gather(chunk, at);
    if (text === null) return next;
    const head = parseHead(text);
    const { statusCode } = head;
    if (statusCode === 101)
      throw new CheckFailure("http_protocol", "the server changed the protocol without being asked");
    if (statusCode < 200) {
      state = "start";
      events.onInterim();
      return next;
    }
    const length = bodyLengthOf(head, method);
    state = length === "chunked" ? "chunks" : length === "close" ? "close" : "length";
    if (length === "chunked") chunks = createChunkReader(events.onBody);
    events.onHead(head);
    if (typeof length === "number") {
      left = length;
      if (left === 0) complete();
    }
    return next;
  }

  function complete(): void {
    state = "complete";
    events.onEnd();
  }

  /** The text up to an empty line, or null when that is still to come; and where the rest of the chunk begins. */
  function gather(chunk: Buffer, at: number): { readonly text: string | null; readonly next: number } {
    const before = gathered?.length ?? 0;
    // The usual case: all of it is there at once.
    let bytes = at === 0 ? chunk : chunk.subarray(at);
    if (gathered !== null) {
      gathered.append(bytes);
      bytes = gathered.view();
    }
    const end = bytes.indexOf(HEAD_END, Math.max(0, before - HEAD_END.length + 1));
    const size = end === -1 ? bytes.length : end + HEAD_END.length;
    if (headBytes + size > MAX_HEAD_BYTES) {
      throw new CheckFailure("http_protocol", "the response's headers are too large");
    }
    if (end !== -1) {
      headBytes += size;
      gathered = null;
      return { text: bytes.toString("latin1", 0, end), next: at + size - before };
    }
    if (
      state === "head" &&
      !BEGINNING.startsWith(bytes.toString("latin1", 0, Math.min(bytes.length, BEGINNING.length)))
    ) {
      throw new CheckFailure("http_protocol", "the response is not HTTP/1.1");
    }
    refuseBareLineFeeds(bytes, before);
    if (gathered === null) {
      gathered = createByteStore();
      gathered.append(bytes);
    }
    return { text: null, next: chunk.length };
  }
}

/** Else a head whose lines end in LF alone would be waited for until the deadline. */
function refuseBareLineFeeds(bytes: Buffer, from: number): void {
  for (let at = bytes.indexOf(LF, from); at !== -1; at = bytes.indexOf(LF, at + 1)) {
    if (at === 0 || bytes[at - 1] !== CR) {
      throw new CheckFailure("http_protocol", "a line of the response's head ends without CR");
    }
  }
}

/** How the body's end is found (RFC 9112 §6.3): after so many bytes, by its chunks, or where the connection closes. */
function bodyLengthOf({ statusCode, header }: ResponseHead, method: string): number | "chunked" | "close" {
  const coding = header("transfer-encoding");
  const length = header("content-length");
  if (coding !== null && length !== null) {
    throw new CheckFailure("http_protocol", "the response has both a transfer-encoding and a content-length");
  }
  const bytes = length === null ? null : bytesOf(length);
  if (method === "HEAD" || statusCode === 204 || statusCode === 304) return 0;
  if (coding !== null) {
    const codings = coding.toLowerCase().split(/[ \t]*,[ \t]*/);
    const chunked = codings.indexOf("chunked");
    if (chunked === -1) return "close";
    if (chunked === codings.length - 1) return "chunked";
    throw new CheckFailure("http_protocol", "the response's transfer-encoding goes on after chunked");
  }
  return bytes ?? "close";
}

/** The same length said more than once is one length (RFC 9110 §8.6). */
function bytesOf(length: string): number {
  const [first = "", ...repeated] = length.split(/[ \t]*,[ \t]*/);
  const bytes = Number(first);
  if (!/^\d+$/.test(first) || !Number.isSafeInteger(bytes) || repeated.some((other) => other !== first)) {
    throw new CheckFailure("http_protocol", "the response's content-length is not one number");
  }
  return bytes;
}
