import type { SealingKey } from "../../shared/sealing.ts";
import { sealingKey } from "../../shared/sealing.ts";
import type { SecretBox } from "./box.ts";

/** With what the secrets of checks are sealed for a region's agents. They follow from the deployment's keys. */
export interface RegionKeys {
  readonly current: SealingKey;
  /** Every one that may have sealed what waits in the region's queue. */
  readonly all: readonly SealingKey[];
}

export function regionKeys(box: Pick<SecretBox, "derivations">, region: string): RegionKeys {
  const all = box.derivations(`checks of ${region}`).map(sealingKey);
  return { current: all[0] as SealingKey, all };
}
