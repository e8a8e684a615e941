import type { Check, CheckSecrets } from "./check.ts";
import { destinationOf } from "./destination.ts";
import type { SealingKey } from "./sealing.ts";
import { seal, unseal } from "./sealing.ts";

type HttpCheck = Pick<Extract<Check, { readonly type: "http" }>, "monitorId" | "http">;

/** The secrets of a check are bound to its monitor and to where its request goes: who only writes to the queue cannot have them sent elsewhere. */
const contextOf = ({ monitorId, http }: HttpCheck): string => `check ${monitorId} ${destinationOf(http)}`;

/** The secrets of a check as they stand in the queue, which keeps its jobs on disk. */
export function sealCheckSecrets(key: SealingKey, check: HttpCheck, secrets: CheckSecrets): string {
  return seal(key, JSON.stringify(secrets), contextOf(check));
}

/** @throws Unopenable */
export function openCheckSecrets(keys: readonly SealingKey[], check: HttpCheck, sealed: string): CheckSecrets {
  return JSON.parse(unseal(keys, sealed, contextOf(check)));
}
