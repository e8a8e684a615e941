import type { Duplex } from "node:stream";
import type { Attempt } from "../net/attempt.ts";
import type { ResponseHead } from "./http-head.ts";
import { createResponseParser } from "./http-parser.ts";

export interface HttpRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Names and values by turns, an octet per character. Those of the framing are added. */
  readonly headers: readonly string[];
  readonly body: string | null;
}

/** Where a body goes. */
export interface BodySink {
  /** Takes a piece. It cannot ask for a pause: a body is read to a cap. */
  write(chunk: Buffer): void;
  /** No more pieces come. */
  end(): void;
  /** Called once: when the body has been taken, or as much of it as is wanted, or with what is wrong with it. */
  onDone: (failure?: unknown) => void;
}

/**
 * Sends one HTTP/1.1 request over a fresh connection and reads its response; the
 * phases `firstByteMs` and `transferMs`. `onHead` gets the final response's head
 * and says where the body goes; null leaves it unread. The connection is closed
 * when the promise settles.
 */
export type Exchange = (
  socket: Duplex,
  request: HttpRequest,
  attempt: Attempt,
  onHead: (head: ResponseHead) => BodySink | null,
) => Promise<void>;

/**
 * Our own and no client's, because a client's making, pooling and streams cost as much as all
 * the rest of a check; of HTTP/1.1 a check needs one request and one response.
 */
export const exchange: Exchange = (socket, request, attempt, onHead) =>
  new Promise((resolve, reject) => {
    const { phases } = attempt;
    let settled = false;
    let sink: BodySink | null = null;
    const finish = (thrown?: unknown) => {
      if (settled) return;
      settled = true;
      socket.destroy();
      if (thrown === undefined) resolve();
      else reject(thrown);
    };
    const parser = createResponseParser(request.method, {
      onStart: () => phases.enter("transferMs"),
      // The final response is still to come (RFC 9110 §15.2).
      onInterim: () => phases.enter("firstByteMs"),
      onHead(head) {
        sink = onHead(head);
        if (sink === null) finish();
        else sink.onDone = finish;
      },
      onBody(piece) {
        if (!settled) sink?.write(piece);
      },
      onEnd() {
        socket.destroy();
        sink?.end();
      },
    });
    attempt.onDeadline(finish);
    phases.enter("firstByteMs");
    // Its end would not be told again.
    if (settled || socket.destroyed || socket.readableEnded) return finish(brokenOff());
    socket.on("error", finish);
    socket.on("end", () => {
      if (!settled && !parser.end()) finish(brokenOff());
    });
    socket.on("data", (chunk: Buffer) => {
      if (settled) return;
      try {
        parser.write(chunk);
      } catch (thrown) {
        finish(thrown);
      }
    });
    try {
      send(socket, request);
    } catch (thrown) {
      finish(thrown);
    }
  });

/** Methods whose request says that it has no body (RFC 9110 §8.6). */
const payloadMethods: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/** A line break in a field would begin another field, or a request, of someone else's making. */
const malformed = /[^\t\x20-\x7e\x80-\xff]/;

/** In one write, which is one packet when it is small. */
function send(socket: Duplex, { method, path, headers, body }: HttpRequest): void {
  let head = `${method} ${path} HTTP/1.1\r\n`;
  for (let index = 0; index < headers.length; index += 2) {
    const line = `${headers[index]}: ${headers[index + 1]}`;
    if (malformed.test(line)) throw new Error(`the request's header ${headers[index]} holds a control character`);
    head += `${line}\r\n`;
  }
  head += "connection: close\r\n";
  if (body === null) {
    socket.write(`${head}${payloadMethods.has(method) ? "content-length: 0\r\n" : ""}\r\n`, "latin1");
  } else {
    const content = Buffer.from(body);
    socket.write(Buffer.concat([Buffer.from(`${head}content-length: ${content.length}\r\n\r\n`, "latin1"), content]));
  }
}

function brokenOff(): Error {
  return Object.assign(new Error("the connection ended"), { code: "ECONNRESET" });
}
