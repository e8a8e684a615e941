import type { CheckSecrets } from "../../shared/check.ts";
import { destinationOf, isStillTrusted } from "../../shared/destination.ts";
import type { GivenHttp, GivenMonitor, MonitorSpec, StoredHttp, StoredSecret } from "../../shared/monitor.ts";
import type { SecretBox } from "./box.ts";
import { SecretRefused } from "./refusal.ts";

type GivenSecret = Extract<GivenHttp["body"], object>;

/** A secret is bound to its monitor, its field and the place that it is sent to. */
const contextOf = (monitorId: string, field: string, http: GivenHttp | StoredHttp): string =>
  `monitor ${monitorId} ${field.toLowerCase()} ${destinationOf(http)}`;
const headerField = (name: string): string => `http.headers.${name}`;
const BODY = "http.body";

/**
 * A monitor as it is stored, with its secrets sealed. One that is kept by its marker,
 * or given again as it was, stays what it was.
 * @param current what is stored of the monitor; null when it is new
 * @throws SecretRefused when a secret is to be kept that is not stored, or for another place
 */
export function sealMonitor(
  box: SecretBox,
  given: GivenMonitor,
  { id, revision, current }: { readonly id: string; readonly revision: number; readonly current: MonitorSpec | null },
): MonitorSpec {
  if (given.type !== "http") return given;
  const { http } = given;
  const before = current?.type === "http" ? current.http : null;
  const refused: Array<{ readonly field: string; readonly rule: string }> = [];

  function stored(field: string, value: GivenSecret, earlier: StoredSecret | null): StoredSecret {
    const kept = before && earlier && keep(field, value.secret, before, earlier);
    if (kept) return kept;
    if (value.secret !== true) {
      return { sealed: box.seal(value.secret, contextOf(id, field, http)), since: revision };
    }
    const rule = earlier
      ? `must be given again: the stored one only goes to ${placeOf(before as StoredHttp)}`
      : 'there is no stored secret to keep: give its text as { "secret": "…" }';
    refused.push({ field, rule });
    return { sealed: "", since: revision };
  }

  /** The earlier one, when it is wanted and may be had. */
  function keep(field: string, wanted: string | true, old: StoredHttp, earlier: StoredSecret): StoredSecret | null {
    const context = contextOf(id, field, old);
    if (wanted === true && !isStillTrusted(old, http)) return null;
    if (wanted !== true && wanted !== openedOrNull(box, earlier, context)) return null;
    const contextNow = contextOf(id, field, http);
    if (context === contextNow) return earlier;
    return { ...earlier, sealed: box.seal(box.open(earlier.sealed, context), contextNow) };
  }

  const earlierHeaders = new Map(
    Object.entries(before?.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const headers = Object.entries(http.headers).map(([name, value]) => {
    if (typeof value === "string") return [name, value];
    return [name, stored(headerField(name), value, secretOrNull(earlierHeaders.get(name.toLowerCase())))];
  });
  const body =
    typeof http.body === "string" || http.body === null
      ? http.body
      : stored(BODY, http.body, secretOrNull(before?.body));
  if (refused.length > 0) throw new SecretRefused(refused);
  return { ...given, http: { ...http, headers: Object.fromEntries(headers), body } };
}

/**
 * The secrets of a request, in plain.
 * @throws Unopenable
 */
export function openSecrets(box: SecretBox, monitorId: string, http: StoredHttp): CheckSecrets {
  const { body } = http;
  const headers = Object.entries(http.headers).flatMap(([name, value]) =>
    typeof value === "string" ? [] : [[name, box.open(value.sealed, contextOf(monitorId, headerField(name), http))]],
  );
  return {
    headers: Object.fromEntries(headers),
    ...(body !== null && typeof body !== "string" && { body: box.open(body.sealed, contextOf(monitorId, BODY, http)) }),
  };
}

/** Every sealed secret of a monitor, made anew by `change`. The very same spec when nothing changes. */
export function changeSealed(
  monitorId: string,
  spec: MonitorSpec,
  change: (sealed: string, context: string) => string,
): MonitorSpec {
  if (spec.type !== "http") return spec;
  const { http } = spec;
  let isChanged = false;
  function changed<Value>(field: string, value: Value | StoredSecret): Value | StoredSecret {
    const secret = secretOrNull(value);
    if (secret === null) return value;
    const sealed = change(secret.sealed, contextOf(monitorId, field, http));
    isChanged ||= sealed !== secret.sealed;
    return { ...secret, sealed };
  }
  const headers = Object.entries(http.headers).map(([name, value]) => [name, changed(headerField(name), value)]);
  const body = changed(BODY, http.body);
  return isChanged ? { ...spec, http: { ...http, headers: Object.fromEntries(headers), body } } : spec;
}

function openedOrNull(box: SecretBox, { sealed }: StoredSecret, context: string): string | null {
  try {
    return box.open(sealed, context);
  } catch {
    return null; // What cannot be read any more is replaced by what is given.
  }
}

function secretOrNull(value: unknown): StoredSecret | null {
  return typeof value === "object" && value !== null ? (value as StoredSecret) : null;
}

function placeOf({ url, headers, ignoreTls }: StoredHttp): string {
  const site = Object.entries(headers).find(([name]) => name.toLowerCase() === "host")?.[1];
  const { origin } = new URL(url);
  return `${origin}${site === undefined ? "" : ` as ${site}`}${ignoreTls ? "" : ", whose certificate is verified"}`;
}
