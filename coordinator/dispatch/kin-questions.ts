import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/logger.ts";
import type { Monitor } from "../../shared/monitor.ts";
import { above, below } from "../schedule/kin.ts";
import type { Verdict } from "../verdict/verdict.ts";
import type { ExtraChecks } from "./extra-checks.ts";

const SECOND_MS = 1_000;

/**
 * Has monitors checked at once that depend on each other, when one of them is in doubt or comes back: its own schedule
 * may come to each much later, and until then nobody would know whom to be told of. What is asked for within one
 * second is asked once, however many monitors and coordinators want to know.
 */
export interface KinQuestions {
  /** A monitor is in doubt: what it depends on may be down as well. `at` is in ms since the epoch. */
  askAbove(monitorId: string, at: number): void;
  /** A monitor has come back: what depends on it may have, too. */
  askBelow(monitorId: string, at: number): void;
}

export function createKinQuestions({
  monitors,
  votingRegions,
  verdictsOf,
  confirm,
  logger,
}: {
  readonly monitors: ReadonlyMap<string, Monitor>;
  readonly votingRegions: (monitor: Monitor) => readonly string[];
  readonly verdictsOf: (ids: readonly string[]) => Promise<ReadonlyMap<string, { readonly verdict: Verdict }>>;
  readonly confirm: ExtraChecks["confirm"];
  readonly logger: Logger;
}): KinQuestions {
  function ask(ids: Iterable<string>, at: number): void {
    const instant = Math.ceil(at / SECOND_MS) * SECOND_MS;
    for (const id of ids) {
      const monitor = monitors.get(id);
      if (monitor?.enabled) void confirm(monitor, votingRegions(monitor), instant);
    }
  }

  async function askThoseDown(ids: readonly string[], at: number): Promise<void> {
    const verdicts = await verdictsOf(ids);
    const isDown = (id: string) => ["down", "degraded"].includes(verdicts.get(id)?.verdict ?? "");
    ask(ids.filter(isDown), at);
  }

  return {
    askAbove: (monitorId, at) => ask(above(monitorId, monitors), at),
    askBelow(monitorId, at) {
      const ids = [...below(monitorId, monitors)];
      if (ids.length === 0) return;
      askThoseDown(ids, at).catch((thrown) =>
        logger.warn({ monitor: monitorId, reason: errorText(thrown) }, "What depends on a monitor could not be asked"),
      );
    },
  };
}
