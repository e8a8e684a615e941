import type { Duplex } from "node:stream";
import Client from "undici/lib/dispatcher/client.js";
import type { Attempt } from "../net/attempt.ts";

export interface HttpRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Names and values by turns. */
  readonly headers: readonly string[];
  readonly body: string | null;
}

/** Where a body goes. */
export interface BodySink {
  /** Takes a piece. It cannot ask for a pause: undici 7 fails an assertion when a paused connection closes. */
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
  onHead: (statusCode: number, rawHeaders: readonly Buffer[]) => BodySink | null,
) => Promise<void>;

interface Slot {
  readonly client: Client;
  /** The connection that the client will take for its next request. */
  socket: Duplex | null;
}

/** No response may have larger headers, in bytes. */
const MAX_HEADER_BYTES = 65_536;

/**
 * What undici destroys a connection with that is no longer needed. One object for
 * all of them: left to itself, it makes two errors with their stacks per check.
 */
const finished = Object.assign(new Error("finished"), { code: "UND_ERR_INFO" });

/**
 * undici writes and parses; connections come from outside. A client lives long
 * and serves one exchange at a time, because making one for each check costs more
 * than the check. Its origin is a dummy: it never resolves nor connects.
 */
export function createExchange(): Exchange {
  const free: Slot[] = [];

  function createSlot(): Slot {
    const slot: Slot = {
      socket: null,
      client: new Client("http://slot.invalid", {
        pipelining: 1,
        // The attempt's deadline is the only one.
        headersTimeout: 0,
        bodyTimeout: 0,
        maxHeaderSize: MAX_HEADER_BYTES,
        connect(_options, callback) {
          const { socket } = slot;
          slot.socket = null;
          // The client is not ready for an answer within the call.
          queueMicrotask(() => {
            if (socket) callback(null, socket as never);
            else callback(Object.assign(new Error("the connection closed"), { code: "ECONNRESET" }), null);
          });
        },
      }),
    };
    return slot;
  }

  return (socket, request, attempt, onHead) =>
    new Promise((resolve, reject) => {
      const slot = free.pop() ?? createSlot();
      let settled = false;
      let sink: BodySink | null = null;
      const finish = (thrown?: unknown) => {
        if (settled) return;
        settled = true;
        socket.destroy();
        if (thrown === undefined) resolve();
        else reject(thrown);
      };
      // The client tidies up when its connection has closed; only then is it free.
      socket.once("close", () =>
        setImmediate(() => {
          slot.socket = null;
          free.push(slot);
        }),
      );
      attempt.onDeadline(finish);
      attempt.phases.enter("firstByteMs");
      slot.socket = socket;
      slot.client.dispatch(
        {
          path: request.path,
          method: request.method,
          headers: request.headers as string[],
          body: request.body,
          reset: true,
        },
        {
          onConnect() {},
          onResponseStarted() {
            if (!settled) attempt.phases.enter("transferMs");
          },
          onHeaders(statusCode, rawHeaders) {
            // 1xx: the final response is still to come (RFC 9110 §15.2).
            if (settled || statusCode < 200) {
              if (!settled) attempt.phases.enter("firstByteMs");
              return true;
            }
            try {
              sink = onHead(statusCode, rawHeaders);
            } catch (thrown) {
              finish(thrown);
              return true;
            }
            if (sink === null) finish();
            else sink.onDone = finish;
            return true;
          },
          onData(chunk) {
            if (!settled) sink?.write(chunk);
            return true;
          },
          onComplete() {
            socket.destroy(finished);
            sink?.end();
          },
          onError: finish,
        },
      );
    });
}
