import type { Attempt, Seen } from "../net/attempt.ts";
import { observe } from "../net/attempt.ts";
import type { Connect } from "../net/connect.ts";
import { CheckFailure } from "../net/failure.ts";
import type { Secure } from "../net/secure.ts";
import type { BodyBudget } from "./body-budget.ts";
import { type BodyReader, createBodyReader } from "./http-body.ts";
import type { Exchange } from "./http-exchange.ts";
import { type Ask, redirected } from "./http-redirect.ts";
import type { CheckOf, Probe } from "./probe.ts";

export interface HttpProbeDeps {
  readonly connect: Connect;
  readonly secure: Secure;
  readonly exchange: Exchange;
  readonly bodyBudget: BodyBudget;
  readonly monotonic: () => number;
  readonly version: string;
}

/**
 * Sends a request, follows its redirects and reads the last response. Every hop
 * has a connection of its own and its phases add up. Without an assertion on the
 * status, 200 to 399 is well.
 */
export function createHttpProbe(deps: HttpProbeDeps): Probe<"http"> {
  const defaultHeaders = [
    ["user-agent", `Watchpost/${deps.version}`],
    ["accept", "*/*"],
    ["accept-encoding", "gzip, deflate, br"],
  ] as const;

  return (check) =>
    observe(check.timeoutMs, deps.monotonic, async (attempt) => {
      const { maxRedirects } = check.http;
      let ask: Ask | null = firstAsk(check);
      for (let hop = 0; ask !== null; hop++) {
        if (hop > maxRedirects)
          throw new CheckFailure("http_too_many_redirects", `more than ${maxRedirects} redirects`);
        ask = await take(ask, check, maxRedirects > 0, attempt);
      }
      const { statusCode } = attempt.seen;
      const judgesStatus = check.assertions.some(({ source }) => source === "status");
      if (!judgesStatus && statusCode !== null && (statusCode < 200 || statusCode > 399)) {
        throw new CheckFailure("http_status", `the response's status is ${statusCode}`);
      }
    });

  function firstAsk({ http, confidential }: CheckOf<"http">): Ask {
    const headers = new Map<string, string>(defaultHeaders);
    for (const name in http.headers) headers.set(name.toLowerCase(), toFieldValue(http.headers[name] as string));
    return {
      url: new URL(http.url),
      method: http.method,
      headers,
      body: http.body,
      confidential: confidential ?? nothing,
    };
  }

  /** One request and its response; the next request when it redirects. */
  async function take(ask: Ask, check: CheckOf<"http">, follow: boolean, attempt: Attempt): Promise<Ask | null> {
    const { seen } = attempt;
    forget(seen);
    const { url } = ask;
    const { ipVersion, ignoreTls, maxBodyBytes } = check.http;
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
    const plain = await deps.connect({ host, port, ipVersion }, attempt);
    const socket = url.protocol === "https:" ? await deps.secure(plain, host, ignoreTls, attempt) : plain;

    const headers: string[] = [];
    if (!ask.headers.has("host")) headers.push("host", url.host);
    for (const [name, value] of ask.headers) headers.push(name, value);
    const request = { method: ask.method, path: url.pathname + url.search, headers, body: ask.body };

    const response = { next: null as Ask | null, reader: null as BodyReader | null };
    try {
      await deps.exchange(socket, request, attempt, ({ statusCode, header }) => {
        seen.statusCode = statusCode;
        seen.header = header;
        if (follow) response.next = redirected(ask, statusCode, header("location"));
        if (response.next !== null) return null;
        response.reader = createBodyReader({
          contentEncoding: header("content-encoding"),
          maxBytes: maxBodyBytes,
          keep: check.assertions.some(({ source }) => source === "body"),
          budget: deps.bodyBudget,
        });
        return maxBodyBytes === 0 ? null : response.reader;
      });
      seen.body = response.reader?.text(charsetOf(seen.header?.("content-type") ?? null)) ?? null;
    } finally {
      if (response.reader) seen.bodyBytes = response.reader.bytes;
      response.reader?.close();
    }
    return response.next;
  }
}

const nothing: Ask["confidential"] = { headers: new Set(), body: false };

/** What was seen of one hop says nothing of the next. */
function forget(seen: Seen): void {
  seen.statusCode = null;
  seen.bodyBytes = null;
  seen.certificate = undefined;
  seen.header = null;
}

function charsetOf(contentType: string | null): string | null {
  return /charset="?([^\s";]+)/i.exec(contentType ?? "")?.[1] ?? null;
}

/** Field values are octets (RFC 9110 §5.5): text beyond ASCII goes as UTF-8. */
function toFieldValue(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
