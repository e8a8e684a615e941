import { isSecretHeader } from "../../shared/secret-header.ts";
import type { Confidential } from "../check-secrets.ts";
import { CheckFailure } from "../net/failure.ts";

/** What is asked of whom; a redirect turns one into the next. */
export interface Ask {
  readonly url: URL;
  readonly method: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string | null;
  /** What another origin has no claim to (RFC 9110 §15.4), beside headers that are credentials by their name. */
  readonly confidential: Pick<Confidential, "headers" | "body">;
}

/**
 * The request that a response redirects to, or null when it is no redirect.
 * @throws CheckFailure `http_bad_redirect` when its location leads nowhere.
 */
export function redirected(ask: Ask, statusCode: number, location: string | null): Ask | null {
  if (location === null || ![301, 302, 303, 307, 308].includes(statusCode)) return null;
  if (!URL.canParse(location, ask.url.href)) {
    throw new CheckFailure("http_bad_redirect", "the redirect's location is not a URL");
  }
  const url = new URL(location, ask.url);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new CheckFailure("http_bad_redirect", `the redirect leads to ${url.protocol}`);
  }
  url.username = "";
  url.password = "";
  const headers = new Map(ask.headers);
  const leaves = !sameParty(ask.url, url);
  if (leaves) {
    for (const name of headers.keys()) {
      if (name === "host" || isSecretHeader(name) || ask.confidential.headers.has(name)) headers.delete(name);
    }
  }
  // RFC 9110 §15.4.2 to §15.4.4: 303 is fetched; so are, by custom, a POST's 301 and 302.
  const fetched = statusCode === 303 ? ask.method !== "HEAD" : statusCode < 303 && ask.method === "POST";
  if (!fetched) {
    if (leaves && ask.confidential.body) {
      throw new CheckFailure(
        "http_bad_redirect",
        "the redirect leads to another origin, which is not sent the secret body",
      );
    }
    return { ...ask, url, headers };
  }
  for (const name of headers.keys()) if (name.startsWith("content-")) headers.delete(name);
  return { ...ask, url, method: "GET", headers, body: null };
}

/** The same origin, or its move from plain http to https on the usual ports. */
function sameParty(from: URL, to: URL): boolean {
  if (from.origin === to.origin) return true;
  return from.hostname === to.hostname && from.protocol === "http:" && from.port === "" && to.port === "";
}
