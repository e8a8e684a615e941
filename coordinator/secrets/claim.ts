import { ConfigError } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { KeyMarks } from "../store/key-marks.ts";
import type { SecretBox } from "./box.ts";

/** Sees at the start to it that the keys are those of the deployment. */
export interface KeyClaim extends Part {
  /** The box, which seals nothing before that. */
  readonly box: SecretBox;
}

/** PostgreSQL's class 57, "cannot_connect_now": the caller is to come again. */
const NOT_YET = "57P03";

/** @param source where the keys come from, for people */
export function createKeyClaim({
  box,
  marks,
  source,
}: {
  readonly box: SecretBox;
  readonly marks: Pick<KeyMarks, "claim">;
  readonly source: string;
}): KeyClaim {
  let claimed = false;
  const whenClaimed =
    <Arguments extends readonly unknown[]>(work: (...args: Arguments) => string) =>
    (...args: Arguments): string => {
      if (claimed) return work(...args);
      throw Object.assign(new Error("the keys have not been compared with the database yet"), { code: NOT_YET });
    };
  return {
    box: { ...box, seal: whenClaimed(box.seal), reseal: whenClaimed(box.reseal) },
    async start() {
      const foreign = await marks.claim(box);
      if (foreign.length > 0) {
        throw new ConfigError(
          `the database holds secrets sealed with the key ${foreign.join(" and ")}, and ${source} has only ${box.keys.join(" and ")}: give this coordinator the deployment's keys in WATCHPOST_KEY or WATCHPOST_KEY_FILE`,
        );
      }
      claimed = true;
    },
    stop: async () => undefined,
  };
}
