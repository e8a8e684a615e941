/** What of a request says where it goes. */
interface Request {
  readonly url: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly ignoreTls: boolean;
}

/**
 * Who gets a request, and so its secrets: scheme, host and port, the site that is asked
 * for there, and whether anyone may pass for it. What is sealed for one is not
 * opened for another.
 */
export function destinationOf({ url, headers, ignoreTls }: Request): string {
  return [new URL(url).origin, `host=${siteOf(headers) ?? ""}`, `verified=${!ignoreTls}`].join(" ");
}

/** Whether what was trusted with a secret before may have it as it is now: the same place, or the same better secured. */
export function isStillTrusted(before: Request, now: Request): boolean {
  const [from, to] = [new URL(before.url), new URL(now.url)];
  const isUpgrade = from.protocol === "http:" && to.protocol === "https:" && from.port === "" && to.port === "";
  const isThere = from.origin === to.origin || (isUpgrade && from.hostname === to.hostname);
  return isThere && siteOf(before.headers) === siteOf(now.headers) && (before.ignoreTls || !now.ignoreTls);
}

function siteOf(headers: Request["headers"]): string | undefined {
  const site = Object.entries(headers).findLast(([name]) => name.toLowerCase() === "host")?.[1];
  return site === undefined ? undefined : String(site).toLowerCase();
}
