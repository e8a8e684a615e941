import type { GivenHttp, GivenMonitor, MonitorSpec, StoredHttp } from "../../shared/monitor.ts";
import { isSecretHeader } from "../../shared/secret-header.ts";
import type { SecretBox } from "./box.ts";
import { openSecrets, sealMonitor } from "./monitor-secrets.ts";

/** Whether a stored monitor holds in plain what is a secret by its nature, from before that was sealed. */
export function holdsPlainSecrets(spec: MonitorSpec): boolean {
  return spec.type === "http" && Object.entries(spec.http.headers).some(isPlainSecret);
}

/**
 * One revision with such secrets sealed.
 * @param before the one before it, sealed already: what did not change since stays the same secret
 * @throws Unopenable
 */
export function sealPlainSecrets(
  box: SecretBox,
  spec: MonitorSpec,
  at: { readonly id: string; readonly revision: number; readonly before: MonitorSpec | null },
): MonitorSpec {
  if (spec.type !== "http") return spec;
  const { id, revision, before } = at;
  const given: GivenMonitor = { ...spec, http: givenAgain(box, id, spec.http) };
  return sealMonitor(box, given, { id, revision, current: before });
}

/** As somebody would have given it who knows all of it. */
function givenAgain(box: SecretBox, monitorId: string, http: StoredHttp): GivenHttp {
  const opened = openSecrets(box, monitorId, http);
  const headers = Object.entries(http.headers).map((entry): [string, GivenHttp["headers"][string]] => {
    const [name, value] = entry;
    if (typeof value !== "string") return [name, { secret: opened.headers[name] as string }];
    return [name, isPlainSecret(entry) ? { secret: value } : value];
  });
  const body = opened.body === undefined ? (http.body as string | null) : { secret: opened.body };
  return { ...http, headers: Object.fromEntries(headers), body };
}

function isPlainSecret([name, value]: [string, unknown]): boolean {
  return typeof value === "string" && value !== "" && isSecretHeader(name);
}
