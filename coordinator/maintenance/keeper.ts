import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { Monitor } from "../../shared/monitor.ts";
import type { Traits } from "../chooses.ts";
import { chooses } from "../chooses.ts";
import type { MaintenanceWindow } from "./document.ts";
import type { Span } from "./spans.ts";
import { nextSpan } from "./spans.ts";

/** How often the windows are read again, in ms, should a notification have been lost. */
const REREAD_EVERY_MS = 60_000;

export interface MaintenanceKeeper extends Part {
  /** Whether a monitor is in maintenance at an instant, in ms since the epoch. */
  covers(monitor: Traits, at: number): boolean;
  /** Windows or monitors have changed, or may have. */
  onChange(): void;
}

/**
 * Keeps the maintenance windows in memory as the store has them. At each beginning
 * and end of one, at each change, and once a minute, it compares who is in
 * maintenance with who is shown so, and has those judged again where the two differ:
 * whatever went unnoticed, because no coordinator ran say, is made good by that.
 */
export function keepMaintenance({
  store,
  monitors,
  verdicts,
  clock,
  logger,
}: {
  readonly store: { all(): Promise<MaintenanceWindow[]> };
  /** Those that the schedule knows. */
  readonly monitors: () => Iterable<Monitor>;
  readonly verdicts: {
    inMaintenance(): Promise<string[]>;
    lookAgain(monitorIds: readonly string[]): Promise<void>;
  };
  readonly clock: Clock;
  readonly logger: Logger;
}): MaintenanceKeeper {
  let kept: readonly KeptWindow[] = [];
  let timer: NodeJS.Timeout | undefined;
  let working: Promise<void> | undefined;
  let again = false;
  let stopped = false;

  const covers: MaintenanceKeeper["covers"] = (monitor, at) =>
    kept.some(({ spanAt, isFor }) => (spanAt(at)?.from ?? Number.POSITIVE_INFINITY) <= at && isFor(monitor));

  async function read(): Promise<void> {
    kept = (await store.all()).filter(({ enabled }) => enabled).map(keep);
  }

  async function compare(): Promise<void> {
    const shown = new Set(await verdicts.inMaintenance());
    const now = clock.now();
    const differing = [...monitors()]
      // A pause goes before maintenance.
      .filter((monitor) => (monitor.enabled && covers(monitor, now)) !== shown.has(monitor.id))
      .map(({ id }) => id);
    if (differing.length === 0) return;
    logger.info({ monitors: differing.length }, "Maintenance begins or ends for monitors");
    await verdicts.lookAgain(differing);
  }

  /** One after the other, so that an older answer never overtakes a newer one. */
  async function work(): Promise<void> {
    while (again && !stopped) {
      again = false;
      await read();
      await compare();
    }
  }

  function wake(): void {
    again = true;
    clearTimeout(timer);
    working ??= work()
      .catch((thrown) =>
        logger.warn({ reason: errorText(thrown) }, "Maintenance windows could not be read again; they are kept"),
      )
      .finally(() => {
        working = undefined;
        if (!stopped) timer = setTimeout(wake, untilNextEdge());
      });
  }

  /** In ms. */
  function untilNextEdge(): number {
    const now = clock.now();
    const edges = kept.flatMap(({ spanAt }) => {
      const span = spanAt(now);
      return span === null ? [] : span.from > now ? span.from : span.to;
    });
    return Math.min(REREAD_EVERY_MS, ...edges.map((edge) => Math.ceil(edge - now)));
  }

  return {
    covers,
    onChange: wake,
    async start() {
      // Before anything is judged; who is shown otherwise is seen to when the monitors are known too.
      await read();
      timer = setTimeout(wake, untilNextEdge());
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await working;
    },
  };
}

interface KeptWindow {
  readonly isFor: ReturnType<typeof chooses>;
  /** The span that is on, or is next, at an instant; instants only go forward, but for little. */
  spanAt(at: number): Span | null;
}

function keep({ when, ...window }: MaintenanceWindow): KeptWindow {
  let span: Span | null | undefined;
  return {
    isFor: chooses(window),
    spanAt(at) {
      // Judged by result after result: worked out once for each span.
      if (span === undefined || (span !== null && at >= span.to)) span = nextSpan(when, at);
      return span;
    },
  };
}
