import { request } from "node:http";
import { Duplex } from "node:stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CheckFailure } from "../../../agent/net/failure.ts";
import { MAX_EXTENSION_BYTES } from "../../../agent/probes/http-chunks.ts";
import type { ResponseHead } from "../../../agent/probes/http-head.ts";
import { createResponseParser, MAX_HEAD_BYTES } from "../../../agent/probes/http-parser.ts";

interface Parsed {
  readonly statusCode: number | null;
  readonly head: ResponseHead | null;
  readonly body: string;
  /** Whether the response was complete when the connection ended. */
  readonly whole: boolean;
  readonly events: string;
}

/** Bodies are compared as text of octets. */
function parse(pieces: readonly Buffer[], method = "GET"): Parsed {
  let head: ResponseHead | null = null;
  let body = "";
  let events = "";
  const parser = createResponseParser(method, {
    onStart: () => {
      events += "start ";
    },
    onInterim: () => {
      events += "interim ";
    },
    onHead(found) {
      events += "head ";
      head = found;
    },
    onBody(piece) {
      expect(piece.length).toBeGreaterThan(0);
      body += piece.toString("latin1");
    },
    onEnd: () => {
      events += "end";
    },
  });
  for (const piece of pieces) parser.write(piece);
  const whole = parser.end();
  const found = head as ResponseHead | null;
  return { statusCode: found?.statusCode ?? null, head: found, body, whole, events };
}

const octets = (text: string) => Buffer.from(text, "latin1");
const once = (text: string, method?: string) => parse([octets(text)], method);
const byBytes = (text: string, method?: string) =>
  parse(
    [...octets(text)].map((byte) => Buffer.from([byte])),
    method,
  );

/** As Node's own client reads the same bytes; null when it refuses them. */
function parseByNode(
  pieces: readonly Buffer[],
  method: string,
): Promise<{ statusCode: number; headers: NodeJS.Dict<string[]>; body: string } | null> {
  return new Promise((resolve) => {
    const socket = new Duplex({
      read() {},
      write(_chunk, _encoding, done) {
        done();
      },
    });
    const asked = request({ method, createConnection: () => socket as never });
    asked.on("error", () => resolve(null));
    asked.on("upgrade", () => resolve(null));
    asked.on("response", (response) => {
      let body = "";
      response.on("data", (piece: Buffer) => {
        body += piece.toString("latin1");
      });
      response.on("error", () => resolve(null));
      response.on("end", () =>
        resolve({ statusCode: response.statusCode as number, headers: response.headersDistinct, body }),
      );
    });
    asked.end();
    for (const piece of pieces) socket.push(piece);
    socket.push(null);
  });
}

const fieldName = fc.stringMatching(/^x-[!#$%&'*+\-.^_`|~0-9A-Za-z]{0,12}$/);
const fieldValue = fc.stringMatching(/^[!-~\x80-\xff]([\t -~\x80-\xff]{0,30}[!-~\x80-\xff])?$/);
const fields = fc.array(fc.tuple(fieldName, fieldValue), { maxLength: 6 });
const blanks = fc.constantFrom("", " ", "\t", "  ");
const body = fc.oneof(
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  fc.constant("\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
  fc.integer({ min: 0, max: 3_000 }).map((length) => "body ".repeat(length)),
);

/** A valid response as a server may write it, and what it says. */
const response = fc
  .record({
    interim: fc.array(fc.tuple(fc.constantFrom("100 Continue", "102 Processing", "103 Early Hints"), fields), {
      maxLength: 2,
    }),
    version: fc.constantFrom("1.1", "1.0"),
    statusCode: fc.oneof(fc.constantFrom(200, 204, 206, 301, 304, 404, 503), fc.integer({ min: 200, max: 999 })),
    reason: fc.option(fc.stringMatching(/^ [\t -~\x80-\xff]{0,20}$/), { nil: "" }),
    fields,
    blank: blanks,
    body,
    framing: fc.constantFrom("length", "chunked", "close"),
    cuts: fc.array(fc.integer({ min: 1, max: 500 }), { maxLength: 20 }),
    extension: fc.constantFrom("", ";a", ";a=b", ';a="b;c"'),
    trailers: fields,
    method: fc.constantFrom("GET", "HEAD", "POST"),
    after: fc.constantFrom("", "rubbish", "HTTP/1.1 500 Again\r\n\r\n"),
  })
  .map((made) => {
    const { statusCode, framing, method } = made;
    const lines = (list: readonly (readonly [string, string])[]) =>
      list.map(([name, value]) => `${name}:${made.blank}${value}${made.blank}\r\n`).join("");
    const empty = method === "HEAD" || statusCode === 204 || statusCode === 304;
    let text = made.interim.map(([line, list]) => `HTTP/1.1 ${line}\r\n${lines(list)}\r\n`).join("");
    text += `HTTP/${made.version} ${statusCode}${made.reason}\r\n${lines(made.fields)}`;
    if (framing === "length") text += `Content-Length: ${made.body.length}\r\n`;
    if (framing === "chunked") text += "Transfer-Encoding: chunked\r\n";
    text += "\r\n";
    if (!empty) text += framing === "chunked" ? chunked(made.body) : made.body;
    // What follows a body up to the end of the connection is part of it.
    const after = empty || framing !== "close" ? made.after : "";
    return { text, after, method, statusCode, fields: made.fields, body: empty ? "" : made.body };

    function chunked(whole: string): string {
      let done = "";
      let at = 0;
      for (const size of made.cuts) {
        const piece = whole.slice(at, at + size);
        if (piece === "") break;
        at += piece.length;
        done += `${piece.length.toString(16)}${made.extension}\r\n${piece}\r\n`;
      }
      const rest = whole.slice(at);
      if (rest !== "") done += `${rest.length.toString(16).toUpperCase()}\r\n${rest}\r\n`;
      return `${done}0${made.extension}\r\n${lines(made.trailers)}\r\n`;
    }
  });

/** Where bytes are torn apart. */
const tears = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

function torn(text: string, places: readonly number[]): Buffer[] {
  const bytes = octets(text);
  const at = [0, ...places.map((place) => Math.floor(place * bytes.length)).sort((a, b) => a - b), bytes.length];
  return at
    .slice(1)
    .map((end, index) => bytes.subarray(at[index], end))
    .filter(({ length }) => length > 0);
}

const numRuns = Number(process.env.FUZZ_RUNS ?? 300);

describe("the response parser", () => {
  test("reads valid responses, however they are torn, as they were meant and as Node reads them", async () => {
    await fc.assert(
      fc.asyncProperty(response, tears, async (made, places) => {
        const parsed = parse(torn(made.text + made.after, places), made.method);
        expect(parsed).toMatchObject({ statusCode: made.statusCode, body: made.body, whole: true });
        expect(parsed.events).toMatch(/^(start interim )*start head end$/);
        const byNode = await parseByNode(torn(made.text, places), made.method);
        expect(byNode).toMatchObject({ statusCode: made.statusCode, body: made.body });
        for (const [name] of made.fields) {
          const values = byNode?.headers[name.toLowerCase()] ?? [];
          expect(parsed.head?.header(name)).toBe(octets(values.join(", ")).toString("utf8"));
        }
      }),
      { numRuns },
    );
  });

  const mutation = fc.record({
    place: fc.double({ min: 0, max: 1, noNaN: true }),
    removed: fc.integer({ min: 0, max: 6 }),
    added: fc.oneof(
      fc.constantFrom("\r\n", "\n", "\r", "\0", " ", "\t", ":", "content-length: 3\r\n", "content-length: 4, 5\r\n"),
      fc.constantFrom("transfer-encoding: chunked\r\n", "transfer-encoding: chunked, gzip\r\n", "0\r\n\r\n", "ffffff"),
      fc.constantFrom(
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 101 Switch\r\n\r\n",
        "\r\n folded",
        "-1",
        "7fffffffff\r\n",
      ),
      fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
    ),
  });

  test("meets mutilated responses with nothing but CheckFailures, and reads in none what Node does not", async () => {
    await fc.assert(
      fc.asyncProperty(
        response,
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        tears,
        async (made, mutations, places) => {
          let { text } = made;
          for (const { place, removed, added } of mutations) {
            // Mostly in the head, where it matters.
            const at = Math.floor(place * place * text.length);
            text = text.slice(0, at) + added + text.slice(at + removed);
          }
          const pieces = torn(text, places);
          let parsed: Parsed;
          try {
            parsed = parse(pieces, made.method);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(CheckFailure);
            expect((thrown as CheckFailure).code).toBe("http_protocol");
            return;
          }
          if (!parsed.whole) return;
          const byNode = await parseByNode(pieces, made.method);
          if (byNode !== null) expect(parsed).toMatchObject({ statusCode: byNode.statusCode, body: byNode.body });
        },
      ),
      { numRuns },
    );
  });

  test.each<[string, string, string, string?]>([
    ["a length of zero", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", ""],
    ["a length that is repeated", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nContent-Length: 2, 2\r\n\r\nok", "ok"],
    ["no length", "HTTP/1.0 200\r\n\r\nok", "ok"],
    ["a coding that ends with the connection", "HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\nok", "ok"],
    [
      "chunks after another coding",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: x, Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
      "ok",
    ],
    ["the length of what HEAD leaves out", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", "", "HEAD"],
    ["the length of what was not modified", "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", ""],
  ])("takes %s", (_what, text, wanted, method) => {
    for (const parsed of [once(text, method), byBytes(text, method)]) {
      expect(parsed).toMatchObject({ body: wanted, whole: true });
    }
  });

  const ok = "HTTP/1.1 200 OK\r\n";
  const chunks = `${ok}transfer-encoding: chunked\r\n\r\n`;
  test.each([
    ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["another version", "HTTP/2 200 OK\r\n\r\n"],
    ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
    ["a status below 100", "HTTP/1.1 099 OK\r\n\r\n"],
    ["a protocol that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"],
    ["lines without CR", "HTTP/1.1 200 OK\ncontent-length: 2\n\nok"],
    ["one line without CR", `${ok}a: b\ncontent-length: 2\r\n\r\nok`],
    ["a folded line", `${ok}a: b\r\n c\r\n\r\n`],
    ["a line without a colon", `${ok}abc\r\n\r\n`],
    ["a space before the colon", `${ok}a : b\r\n\r\n`],
    ["a header without a name", `${ok}: b\r\n\r\n`],
    ["a NUL", `${ok}a: b\0c\r\n\r\n`],
    ["a lone CR", `${ok}a: b\rc\r\n\r\n`],
    ["a negative length", `${ok}content-length: -2\r\n\r\nok`],
    ["an empty length", `${ok}content-length:\r\n\r\nok`],
    ["a length in hexadecimal", `${ok}content-length: 0x2\r\n\r\nok`],
    ["a length beyond all numbers", `${ok}content-length: 99999999999999999999\r\n\r\nok`],
    ["two lengths", `${ok}content-length: 2\r\ncontent-length: 3\r\n\r\nok`],
    ["a length and chunks", `${ok}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`],
    ["a coding after the chunks", `${ok}transfer-encoding: chunked, gzip\r\n\r\n2\r\nok\r\n0\r\n\r\n`],
    ["chunks twice", `${ok}transfer-encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`],
    ["a chunk without a size", `${chunks}\r\nok\r\n0\r\n\r\n`],
    ["a chunk size beyond all numbers", `${chunks}ffffffffffffffff\r\n`],
    ["a chunk size that is none", `${chunks}-2\r\nok\r\n0\r\n\r\n`],
    ["a chunk size whose line has no CR", `${chunks}2\nok\r\n0\r\n\r\n`],
    ["a chunk that is longer than it said", `${chunks}2\r\nok!\r\n0\r\n\r\n`],
    ["a NUL in a chunk extension", `${chunks}2;a=\0\r\nok\r\n0\r\n\r\n`],
    ["a malformed trailer", `${chunks}0\r\nno trailer\r\n\r\n`],
    ["headers without end", `${ok}${"a: b\r\n".repeat(MAX_HEAD_BYTES / 6)}`],
    ["one header without end", `${ok}a: ${"b".repeat(MAX_HEAD_BYTES)}`],
    ["interim responses without end", "HTTP/1.1 100 Continue\r\n\r\n".repeat(MAX_HEAD_BYTES / 25 + 1)],
    ["trailers without end", `${chunks}0\r\n${"a: b\r\n".repeat(MAX_HEAD_BYTES / 6)}`],
    ["a chunk extension without end", `${chunks}2;${"a".repeat(MAX_EXTENSION_BYTES + 16)}`],
    ["chunk extensions without end", `${chunks}${`1;${"a".repeat(1_000)}\r\nx\r\n`.repeat(17)}`],
    ["a chunk size without end", `${chunks}${"0".repeat(MAX_EXTENSION_BYTES + 17)}`],
  ])("refuses %s", (_what, text) => {
    for (const read of [once, byBytes]) {
      let thrown: unknown = null;
      try {
        read(text);
      } catch (caught) {
        thrown = caught;
      }
      expect(thrown).toBeInstanceOf(CheckFailure);
      expect(thrown).toMatchObject({ code: "http_protocol" });
    }
  });

  test("knows a response that was cut off, wherever that was", () => {
    for (const text of [
      `${ok}content-length: 5\r\n\r\nhello`,
      `HTTP/1.1 103 Early Hints\r\n\r\n${chunks}5;a\r\nhello\r\n0\r\nx: y\r\n\r\n`,
    ]) {
      expect(once(text).whole).toBe(true);
      for (let length = 0; length < text.length; length++) expect(once(text.slice(0, length)).whole).toBe(false);
    }
  });

  test("joins the fields of one name, and takes octets for UTF-8", () => {
    const { head } = once(`${ok}X-Word: na\xc3\xafve\r\nx-word:\t\r\nX-WORD: last \r\ncontent-length: 0\r\n\r\n`);
    expect(head?.header("x-Word")).toBe("naïve, , last");
    expect(head?.header("x-other")).toBeNull();
  });
});
