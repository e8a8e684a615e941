import type { CheckTarget } from "../../shared/check.ts";
import { sealCheckSecrets } from "../../shared/check-secrets.ts";
import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/logger.ts";
import type { HttpSettings, Monitor, StoredHttp } from "../../shared/monitor.ts";
import type { SecretBox } from "../secrets/box.ts";
import { openSecrets } from "../secrets/monitor-secrets.ts";
import { regionKeys } from "../secrets/region-keys.ts";

/** What an agent of a region is given of a monitor to look at it. */
export type TargetOf = (monitor: Monitor, region: string) => CheckTarget;

/** What agents are given of one revision of a monitor. */
interface Given {
  readonly http: HttpSettings;
  /** By region; sealed once, for it is the same for every check. */
  readonly secrets: Map<string, string>;
}

/** An agent says of it that it cannot be opened; the check is no vote then. */
const UNOPENABLE = "unopenable";

/** Secrets leave the coordinator sealed for the agents of one region: queues keep their jobs on disk. */
export function createTargets({ box, logger }: { readonly box: SecretBox; readonly logger: Logger }): TargetOf {
  const known = new WeakMap<StoredHttp, Given>();

  function sealedFor(region: string, { id: monitorId, name }: Monitor, stored: StoredHttp, http: HttpSettings): string {
    try {
      const secrets = openSecrets(box, monitorId, stored);
      return sealCheckSecrets(regionKeys(box, region).current, { monitorId, http }, secrets);
    } catch (thrown) {
      logger.error(
        { monitor: monitorId, reason: errorText(thrown) },
        `The secrets of monitor ${name} cannot be opened`,
      );
      return UNOPENABLE;
    }
  }

  return (monitor, region) => {
    if (monitor.type !== "http") return { type: monitor.type, tcp: monitor.tcp };
    if (isPlain(monitor.http)) return { type: "http", http: monitor.http };
    const given = getOrMake(known, monitor.http, () => givenOf(monitor.http));
    const secrets = getOrMake(given.secrets, region, () => sealedFor(region, monitor, monitor.http, given.http));
    return { type: "http", http: given.http, secrets };
  };
}

function isPlain(http: StoredHttp): http is HttpSettings {
  const { headers, body } = http;
  return (
    (body === null || typeof body === "string") && Object.values(headers).every((value) => typeof value === "string")
  );
}

/** All but the secrets. */
function givenOf(stored: StoredHttp): Given {
  const plain = Object.entries(stored.headers).filter((entry) => typeof entry[1] === "string");
  const body = typeof stored.body === "string" ? stored.body : null;
  const headers = Object.fromEntries(plain) as HttpSettings["headers"];
  return { http: { ...stored, headers, body }, secrets: new Map() };
}

function getOrMake<Key extends object | string, Value>(
  map: { get(key: Key): Value | undefined; set(key: Key, value: Value): unknown },
  key: Key,
  make: () => Value,
): Value {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
