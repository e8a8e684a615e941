import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/logger.ts";
import type { Metrics } from "../metrics.ts";
import type { StoredMiss } from "../store/results.ts";
import type { Storage } from "./storage.ts";

/** So many reports of missed checks may wait for storage; about 300 bytes each. */
const MAX_MISSES_WAITING = 100_000;

/** Takes in misses that the coordinator itself found; nobody waits for it. */
export function createMissIntake({
  storage,
  metrics,
  logger,
}: {
  readonly storage: Pick<Storage, "addMisses">;
  readonly metrics: Pick<Metrics, "lostMisses">;
  readonly logger: Logger;
}): (misses: readonly StoredMiss[]) => void {
  let waiting = 0;
  return (found) => {
    if (waiting + found.length > MAX_MISSES_WAITING) {
      metrics.lostMisses.inc(found.length);
      return;
    }
    waiting += found.length;
    storage
      .addMisses(found)
      .catch((thrown) => {
        metrics.lostMisses.inc(found.length);
        logger.error({ misses: found.length, reason: errorText(thrown) }, "Misses are lost to the account");
      })
      .finally(() => {
        waiting -= found.length;
      });
  };
}
