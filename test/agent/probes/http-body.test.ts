import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { createBodyBudget } from "../../../agent/probes/body-budget.ts";
import { createBodyReader } from "../../../agent/probes/http-body.ts";

/** Reads a body from pieces whose memory is used for something else at once, as a parser does. */
function read(pieces: Iterable<Buffer>, options: { maxBytes?: number; contentEncoding?: string | null } = {}) {
  const { maxBytes = 1_048_576, contentEncoding = null } = options;
  const reader = createBodyReader({ contentEncoding, maxBytes, keep: true, budget: createBodyBudget(2 ** 26) });
  return new Promise<{ failure: unknown; bytes: number; text: string }>((resolve) => {
    reader.onDone = (failure) => resolve({ failure, bytes: reader.bytes, text: reader.text(null) });
    for (const piece of pieces) {
      const lent = Buffer.from(piece);
      reader.write(lent);
      lent.fill(0);
    }
    reader.end();
  });
}

function* inPieces(body: Buffer, size: number) {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size);
}

describe("reading a body", () => {
  const text = "The quick brown fox. ".repeat(500);

  test.each([1, 7, 4_096, 100_000])("keeps nothing of the pieces it gets: %i bytes each", async (size) => {
    expect(await read(inPieces(Buffer.from(text), size))).toEqual({ failure: undefined, bytes: text.length, text });
    const zipped = read(inPieces(gzipSync(text), size), { contentEncoding: "gzip" });
    expect(await zipped).toEqual({ failure: undefined, bytes: text.length, text });
  });

  test("stops within a piece", async () => {
    expect(await read([Buffer.from("hello"), Buffer.from("world")], { maxBytes: 7 })).toMatchObject({
      failure: undefined,
      bytes: 7,
      text: "hellowo",
    });
  });

  test("does not let compressed data pile up without end", async () => {
    // Empty blocks: 5 bytes each, and nothing comes of them.
    const emptyBlock = Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff]);
    const many = Array<Buffer>(200).fill(Buffer.concat(Array<Buffer>(10_000).fill(emptyBlock)));
    const endless = [gzipSync("").subarray(0, 10), ...many, gzipSync("").subarray(10)];
    const outcome = await read(endless, { contentEncoding: "gzip", maxBytes: 1_000 });
    expect(outcome).toMatchObject({ failure: { code: "http_bad_encoding" }, bytes: 0 });
  });
});
