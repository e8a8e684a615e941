import { errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { Monitor } from "../../shared/monitor.ts";
import type { KnownRegion } from "../schedule/history.ts";
import { membersAt } from "../schedule/history.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { MonitorStore } from "../store/monitors.ts";
import type { RegionStore } from "../store/regions.ts";

/** How often everything is compared with the database, in ms, should a notification have been lost. */
const REREAD_EVERY_MS = 60_000;
/** So many monitors are read in one statement. */
const READ_AT_ONCE = 1_000;

export interface ScheduleKeeper extends Part {
  /** A monitor was created, changed or removed. */
  onMonitor(id: string): void;
  /** A region was added or retired. */
  onRegion(): void;
  /** Changes may have gone unheard. */
  onGap(): void;
  /** Rejects until the schedule has been read. */
  probe(): Promise<void>;
}

/**
 * Keeps the schedule in memory as PostgreSQL has it: read once at the start, then
 * monitor by monitor as changes are heard of, and compared in full now and then.
 */
export function keepSchedule({
  schedule,
  monitors,
  regions,
  onRegions,
  onNewRegion,
  onChange,
  logger,
}: {
  readonly schedule: Schedule;
  readonly monitors: MonitorStore;
  readonly regions: RegionStore;
  /** Told of all regions that ever were, whenever one was added or retired. */
  readonly onRegions: (regions: readonly string[]) => void;
  /** Told of a region that came up while this ran, and since when it has been known. */
  readonly onNewRegion: (region: string, since: number) => void;
  /** Told of monitors that were made or changed while this ran. */
  readonly onChange: (monitor: Monitor) => void;
  readonly logger: Logger;
}): ScheduleKeeper {
  /** As they were last read. */
  let known: readonly KnownRegion[] = [];
  /** The latest change of the regions that counts; one that shows up out of its order counts with it. */
  let latest = 0;
  let loaded = false;
  let timer: NodeJS.Timeout | undefined;
  const changed = new Set<string>();
  let everything = false;
  let working: Promise<void> | undefined;

  async function readRegions(): Promise<void> {
    const now = await regions.history();
    const { came, went } = changesBetween(known, now);
    if (came.length + went.length === 0) return;
    known = now;
    // One after the other, as the account of the checks counts them.
    for (const at of [...came.map(({ since }) => since), ...went.map(({ until }) => until)].sort((a, b) => a - b)) {
      latest = Math.max(latest, at);
      schedule.setRegions(membersAt(known, latest), latest);
    }
    onRegions([...new Set(known.map(({ region }) => region))]);
    if (!loaded) return;
    for (const { region, since, until } of came) if (until === null) onNewRegion(region, since);
  }

  async function readMonitors(ids: readonly string[]): Promise<void> {
    for (let n = 0; n < ids.length; n += READ_AT_ONCE) {
      const some = ids.slice(n, n + READ_AT_ONCE);
      const found = new Map((await monitors.getMany(some)).map((monitor) => [monitor.id, monitor]));
      for (const monitor of found.values()) adopt(monitor);
      const gone = some.filter((id) => !found.has(id) && schedule.get(id));
      for (const [id, at] of gone.length === 0 ? [] : await monitors.removals(gone)) schedule.remove(id, at);
    }
  }

  function adopt(monitor: Monitor): void {
    if (schedule.get(monitor.id)?.revision === monitor.revision) return;
    schedule.set(monitor);
    if (!monitor.enabled) {
      logger.info({ monitor: monitor.id }, `Monitor ${monitor.name} is paused`);
      return;
    }
    logger.info(
      { monitor: monitor.id },
      `Scheduled monitor ${monitor.name} to run every ${monitor.intervalMs / 1_000} seconds`,
    );
    if (loaded) onChange(monitor);
  }

  async function compare(): Promise<void> {
    const current = await monitors.revisions();
    const differing = [...current]
      .filter(([id, revision]) => schedule.get(id)?.revision !== revision)
      .map(([id]) => id);
    const gone = [...schedule.monitors.keys()].filter((id) => !current.has(id));
    await readMonitors([...differing, ...gone]);
  }

  /** One reading at a time, so that an older answer never overtakes a newer one. */
  async function work(): Promise<void> {
    while (everything || changed.size > 0) {
      await readRegions();
      if (everything) {
        everything = false;
        await compare();
      } else {
        const ids = [...changed];
        changed.clear();
        await readMonitors(ids);
      }
    }
  }

  function wake(): void {
    if (!loaded) return;
    working ??= work()
      .catch((thrown) => {
        // The slow re-read mends what was missed.
        logger.warn({ reason: errorText(thrown) }, "The schedule could not be read again");
        everything = false;
        changed.clear();
      })
      .finally(() => {
        working = undefined;
        if (everything || changed.size > 0) wake();
      });
  }

  function reread(): void {
    everything = true;
    wake();
  }

  return {
    async start() {
      everything = true;
      await work();
      loaded = true;
      logger.info({ monitors: schedule.monitors.size, regions: schedule.expand("all") }, "The schedule is loaded");
      timer = setInterval(reread, REREAD_EVERY_MS);
    },
    async stop() {
      clearInterval(timer);
      await working;
    },
    async probe() {
      if (!loaded) throw new Error("not read from PostgreSQL yet");
    },
    onMonitor(id) {
      changed.add(id);
      wake();
    },
    onRegion: reread,
    onGap: reread,
  };
}

/** What came and what went between two readings; of what came and went at once, both. */
function changesBetween(earlier: readonly KnownRegion[], now: readonly KnownRegion[]) {
  const before = new Map(earlier.map((one) => [`${one.region} ${one.since}`, one]));
  const earlierOf = ({ region, since }: KnownRegion) => before.get(`${region} ${since}`);
  return {
    came: now.filter((one) => !earlierOf(one)),
    went: now.flatMap(({ until, ...one }) =>
      until !== null && (earlierOf({ until, ...one })?.until ?? null) === null ? [{ ...one, until }] : [],
    ),
  };
}
