import { STATUS_CODES } from "node:http";
import { Readable } from "node:stream";
import { type Dispatcher, EnvHttpProxyAgent, request } from "undici";
import { errorText } from "../../../shared/errors.ts";
import { isPage, reasonOf, strangerIn, waitIn } from "./answer.ts";
import { GiveUp, RetryLater } from "./failure.ts";

/** How much of an answer is read, in bytes. */
const MAX_ANSWER_BYTES = 16_384;
const CONNECT_TIMEOUT_MS = 10_000;
/** No vendor makes us wait longer, in ms. */
const MAX_RETRY_AFTER_MS = 3_600_000;

export interface HttpRequest {
  readonly url: string | URL;
  readonly method?: "POST" | "PUT";
  readonly headers?: Readonly<Record<string, string>>;
  /** Text is sent as it is, as JSON; parameters as a form; anything else is written as JSON. */
  readonly body: unknown;
  /**
   * Whether an answer of success is what the vendor documents for a message that it took: else someone answers in its
   * place. Any is when this is left out.
   */
  readonly isTaken?: (answer: string) => boolean;
}

/** HTTPS goes through the proxy that the environment names (`https_proxy`), except to what `no_proxy` names. */
export interface HttpClient {
  /**
   * Sends a request that the other side takes (2xx, and `isTaken`) before the signal aborts. Redirects are
   * not followed: what is sent is for the place that the settings name. The errors say
   * what the other side said and never hold the URL, which is a secret with many vendors.
   * @param onHandOver called, and waited for, once there is a connection and before anything is written to it.
   * @throws RetryLater, GiveUp
   */
  send(request: HttpRequest, signal: AbortSignal, onHandOver?: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

export function createHttpClient(options: { readonly userAgent: string; readonly now?: () => number }): HttpClient {
  const { userAgent, now = Date.now } = options;
  // Each message has a connection of its own (no pipelining is no keep-alive): one that was kept may be closed by the
  // other side just when a message goes out, and then nobody knows whether it arrived.
  const agent = new EnvHttpProxyAgent({ pipelining: 0, httpProxy: "", connect: { timeout: CONNECT_TIMEOUT_MS } });

  return {
    async send({ url, method = "POST", headers = {}, body, isTaken }, signal, onHandOver = async () => undefined) {
      const bytes = Buffer.from(textOf(body));
      let isHandedOver = false;
      const handOver = async () => {
        await onHandOver();
        isHandedOver = true;
      };
      const credentials = headers.authorization?.split(" ").at(-1);
      const withoutCredentials = (text: string) => (credentials ? text.replaceAll(credentials, "***") : text);
      let response: Dispatcher.ResponseData;
      try {
        response = await request(url, {
          method,
          headers: {
            "user-agent": userAgent,
            "content-type": contentType(body),
            "content-length": String(bytes.length),
            ...headers,
          },
          body: Readable.from(after(handOver, bytes), { objectMode: false }),
          signal,
          dispatcher: agent,
        });
      } catch (thrown) {
        throw failureOf(thrown, signal, isHandedOver);
      }
      if (response.statusCode >= 200 && response.statusCode < 300) {
        const { answer, isWhole } = await readUpTo(response.body, MAX_ANSWER_BYTES);
        // What breaks off, or is too long to be read, unsays nothing.
        if (!isTaken || (isWhole ? isTaken(answer) : !isPage(answer))) return;
        throw new GiveUp(`${statusOf(response)}, but ${withoutCredentials(strangerIn(answer))}`);
      }
      const { answer } = await readUpTo(response.body, MAX_ANSWER_BYTES);
      const said = withoutCredentials(reasonOf(answer));
      const status = statusOf(response);
      const message = said === "" ? status : `${status}: ${said}`;
      if (isPassing(response.statusCode)) throw new RetryLater(message, retryAfterMs(response.headers, answer, now()));
      if (response.statusCode < 400) throw new GiveUp(`${status}: redirects are not followed; give the final URL`);
      throw new GiveUp(message);
    },
    stop: () => agent.destroy(),
  };
}

const statusOf = ({ statusCode }: Dispatcher.ResponseData): string =>
  `HTTP ${statusCode} (${STATUS_CODES[statusCode] ?? "unknown"})`;

/** `Basic` credentials, RFC 7617 §2. */
export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

/** The first bytes are asked for when there is a connection to write them to, and head and body go out together. */
async function* after(onHandOver: () => Promise<void>, bytes: Buffer): AsyncGenerator<Buffer> {
  await onHandOver();
  yield bytes;
}

function textOf(body: unknown): string {
  if (typeof body === "string") return body;
  return body instanceof URLSearchParams ? `${body}` : JSON.stringify(body);
}

function contentType(body: unknown): string {
  return body instanceof URLSearchParams ? "application/x-www-form-urlencoded" : "application/json";
}

function failureOf(thrown: unknown, signal: AbortSignal, isHandedOver: boolean): RetryLater | GiveUp {
  if (signal.aborted) return new RetryLater("no answer within the deadline", null, isHandedOver);
  const { code } = thrown as NodeJS.ErrnoException;
  const wrong = code === "UND_ERR_INVALID_ARG" || code === "ERR_INVALID_URL" || code === "UND_ERR_NOT_SUPPORTED";
  if (wrong) return new GiveUp(errorText(thrown));
  return new RetryLater(isPlain(thrown) ? NO_TLS : errorText(thrown), null, isHandedOver);
}

const NO_TLS = "no TLS is spoken at this port: the URL begins with https, and the port may be one of plain HTTP";

/** What OpenSSL makes of an answer that is not TLS: it takes its first bytes for a version, or for a length. */
function isPlain(thrown: unknown): boolean {
  const { code = "" } = thrown as NodeJS.ErrnoException;
  return (
    /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/.test(code) ||
    (code === "EPROTO" && /wrong version number|packet length too long/.test(errorText(thrown)))
  );
}

/** Failures that pass by themselves: RFC 9110 §15.5.9 and §15.6, RFC 8470 §5.2, RFC 6585 §4. */
function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** What came until the body ended, broke off or reached the limit: for a refusal, a part of its reason is enough. */
async function readUpTo(
  body: Dispatcher.ResponseData["body"],
  limit: number,
): Promise<{ readonly answer: string; readonly isWhole: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  let isWhole = false;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= limit) break;
    }
    isWhole = size < limit;
  } catch {
    // The status has come, and says what to do next.
  }
  return { answer: Buffer.concat(chunks).subarray(0, limit).toString(), isWhole };
}

/** The wait that is asked for: `Retry-After` (RFC 9110 §10.2.3), else what the body says. */
function retryAfterMs(headers: Dispatcher.ResponseData["headers"], answer: string, now: number): number | null {
  const header = String(headers["retry-after"] ?? "");
  const ms = /^\d+(\.\d+)?$/.test(header) ? Number(header) * 1_000 : (Date.parse(header) || Number.NaN) - now;
  const found = Number.isNaN(ms) ? waitIn(answer) : ms;
  return found === null ? null : Math.min(Math.max(0, found), MAX_RETRY_AFTER_MS);
}
