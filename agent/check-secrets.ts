import type { Check, CheckSecrets } from "../shared/check.ts";
import { openCheckSecrets } from "../shared/check-secrets.ts";
import type { SealingKey } from "../shared/sealing.ts";
import { sealingKey } from "../shared/sealing.ts";
import { secretTexts, withoutSecrets } from "../shared/secret-texts.ts";

/** What of a check must not be told, nor sent to anyone but its target. */
export interface Confidential {
  /** Names in lower case. */
  readonly headers: ReadonlySet<string>;
  readonly body: boolean;
  /** A text without any of it. */
  hide(text: string): string;
}

/** A check with its secrets in place. */
export type OpenCheck = Check & { readonly confidential?: Confidential };

export interface CheckSecretsKeeper {
  /** Takes the region's keys as the coordinator tells them, in base64; they replace those before. */
  take(keys: readonly string[]): void;
  /** @throws Unopenable, of a check whose secrets are sealed with a key that is not here. */
  open(check: Check): OpenCheck;
}

/** Shorter texts than this stand in many a message by chance. */
const MIN_HIDDEN = 4;

export function createCheckSecrets(): CheckSecretsKeeper {
  let keys: readonly SealingKey[] = [];
  return {
    take(told) {
      keys = told.map((text) => sealingKey(Buffer.from(text, "base64")));
    },
    open(check) {
      if (check.type !== "http" || check.secrets === undefined) return check;
      const { secrets: sealed, ...rest } = check;
      if (keys.length === 0) throw new Error("the coordinator has not told the key of this check's secrets yet");
      const secrets = openCheckSecrets(keys, rest, sealed);
      const { http } = rest;
      return {
        ...rest,
        http: { ...http, headers: { ...http.headers, ...secrets.headers }, body: secrets.body ?? http.body },
        confidential: confidentialOf(secrets),
      };
    },
  };
}

function confidentialOf(secrets: CheckSecrets): Confidential {
  let texts: readonly string[] | undefined;
  return {
    headers: new Set(Object.keys(secrets.headers).map((name) => name.toLowerCase())),
    body: secrets.body !== undefined,
    hide(text) {
      texts ??= secretTexts(partsOf(secrets)).filter((part) => part.length >= MIN_HIDDEN);
      return withoutSecrets(text, texts);
    },
  };
}

/** Each secret as a whole, and what in it is one by itself: a target that quotes it may quote only that. */
function partsOf({ headers, body }: CheckSecrets): readonly string[] {
  const ofHeaders = Object.values(headers).flatMap((value) => {
    const credentials = value.split(" ").slice(1).join(" ");
    const decoded = /^basic /i.test(value) ? Buffer.from(credentials, "base64").toString("utf8") : "";
    const [, password = ""] = /^[^:]*:(.*)$/s.exec(decoded) ?? [];
    const pairs = value.split(";").map((pair) => pair.slice(pair.indexOf("=") + 1).trim());
    return [value, credentials, decoded, password, ...pairs];
  });
  return body === undefined ? ofHeaders : [...ofHeaders, body, ...partsOfBody(body)];
}

function partsOfBody(body: string): readonly string[] {
  try {
    return textsIn(JSON.parse(body));
  } catch {
    return body.includes("=") ? [...new URLSearchParams(body).values()] : [];
  }
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
