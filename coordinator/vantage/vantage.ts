import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { newId } from "../../shared/id.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { Monitor } from "../../shared/monitor.ts";
import type { Metrics } from "../metrics.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { ImpairmentStore } from "../store/impairments.ts";
import type { RegionResult, VerdictStore } from "../store/verdicts.ts";
import {
  IMPAIRED_TARGETS,
  OTHERS_NEEDED,
  outvoted,
  standingOf,
  suspicionOf,
  turnedAlone,
  WINDOW_MS,
} from "./correlation.ts";
import { hostOf } from "./host.ts";
import type { Impairment } from "./impairment.ts";
import type { Sight, View, Watched } from "./view.ts";
import { viewsOf } from "./view.ts";

const LOOK_EVERY_MS = 1_000;
/** So many monitors that have just turned bad are looked at, and so many of one region. */
const MAX_TURNED = 500;
const MAX_CHECKED = 5_000;
/** Among so many monitors it is chosen what else to ask a suspect region for, and so often, in ms. */
const MAX_CANDIDATES = 20;
const ASK_EVERY_MS = 5_000;
/** That a region is still impaired is noted so often, in ms. */
const NOTE_EVERY_MS = 5_000;
/** So many of the monitors that a region saw wrong are named in its incident. */
const NAMED = 20;

/** What a region's agents say of their own network: which canaries fail for all of them, none, or that nobody says. */
export type CanaryNews = readonly string[] | null;

/** Watches the places that checks run from: which of them see nothing right, and have no vote until they do again. */
export interface Vantage extends Part {
  /** Regions without a vote. */
  readonly impaired: ReadonlySet<string>;
  /** When this coordinator last learned that a region has none any more, or has one again, in ms since the epoch. */
  readonly votingSince: number;
  /** Regions of which it is being found out. */
  readonly suspects: readonly string[];
  /** To be called before results are judged: an answer may end a doubt, and by then it has to be known who is to be believed. */
  before(results: readonly RegionResult[]): Promise<void>;
  /** To be told of them when they have been. */
  after(results: readonly RegionResult[]): void;
}

/** What speaks against a region, and the monitors that it sees wrong. */
interface Finding {
  readonly region: string;
  readonly reason: string;
  readonly monitorIds: readonly string[];
}

export interface VantageDeps {
  readonly store: ImpairmentStore;
  readonly schedule: Pick<Schedule, "expand" | "get" | "monitors">;
  readonly canariesOf: (region: string) => CanaryNews;
  readonly lookAgain: VerdictStore["lookAgain"];
  /** Has a region check a monitor at once. */
  readonly onAsk: (monitor: Monitor, region: string, at: number) => void;
  /** A region has its vote back when nothing has spoken against it for so long, in ms. */
  readonly cleanMs: number;
  readonly metrics: Pick<Metrics, "impairments" | "incidentsOpened">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Decides on what PostgreSQL has, every second and whenever results come in that are
 * not well, so that several coordinators come to the same; what they do about it is
 * done once, by whoever is first.
 */
export function createVantage(deps: VantageDeps): Vantage {
  const { store, schedule, canariesOf, lookAgain, onAsk, cleanMs, metrics, clock, logger } = deps;
  let impaired: ReadonlyMap<string, Impairment> = new Map();
  let votingSince = 0;
  /** What each suspect region alone sees fail. */
  let suspects: ReadonlyMap<string, readonly string[]> = new Map();
  const askedAt = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  function watched(monitorIds: readonly string[]): Watched[] {
    return monitorIds.flatMap((id) => {
      const monitor = schedule.get(id);
      if (!monitor?.enabled) return [];
      const regions = schedule.expand(monitor.regions).filter((region) => !impaired.has(region));
      return { id, host: hostOf(monitor), policy: monitor, changedAt: monitor.updatedAt, regions };
    });
  }

  const views = async (region: string, monitorIds: readonly string[], now: number): Promise<View[]> =>
    viewsOf(region, await store.sightsOf(monitorIds), watched(monitorIds), now);

  function monitorsOf(regions: readonly string[]): string[] {
    return [...schedule.monitors.values()]
      .filter((monitor) => monitor.regions === "all" || monitor.regions.some((region) => regions.includes(region)))
      .map(({ id }) => id);
  }

  /** Learns which regions have no vote; what they see, or saw, is judged again. */
  async function learn(current: readonly Impairment[]): Promise<void> {
    const before = impaired;
    const now = new Map(current.map((one) => [one.region, one]));
    const changed = [...new Set([...before.keys(), ...now.keys()])].filter((one) => before.has(one) !== now.has(one));
    impaired = now;
    if (changed.length === 0) return;
    votingSince = Math.floor(clock.now());
    await lookAgain(monitorsOf(changed));
  }

  async function begin(region: string, reason: string, monitorIds: readonly string[], now: number): Promise<void> {
    const impairment = { region, since: now, badAt: now, reason, incidentId: newId("inc") };
    if (!(await store.begin(impairment, monitorIds.slice(0, NAMED)))) return;
    metrics.impairments.inc({ region });
    metrics.incidentsOpened.inc({ kind: "vantage", level: "degraded" });
    logger.warn({ region, reason }, "A region is impaired and loses its vote");
  }

  /** What speaks against a region of which a few targets have just turned bad; null when that is not enough. */
  async function examine(region: string, turned: readonly View[], now: number): Promise<Finding | null> {
    if (standingOf(turned, true, now).alone < IMPAIRED_TARGETS) return null;
    const all = await views(region, await store.checkedSince(region, now - WINDOW_MS, MAX_CHECKED), now);
    const { alone, compared, isBad } = standingOf(all, true, now);
    if (!isBad) return null;
    const wrong = all.filter(({ own }) => !own.isWell).map(({ monitorId }) => monitorId);
    const reason = `${alone} of ${compared} unrelated targets fail here that other regions see well`;
    return { region, reason, monitorIds: wrong };
  }

  /** Whether a region is suspect; if so, it is asked for what tells. */
  async function suspect(region: string, turned: readonly View[], now: number): Promise<readonly string[] | null> {
    const alone = turnedAlone(turned, now);
    if (alone.length === 0) return null;
    const ids = turned.map(({ monitorId }) => monitorId);
    const { isSuspect, ask } = suspicionOf(await views(region, [...ids, ...candidates(region, turned)], now), now);
    if (!isSuspect) return null;
    if (ask.length > 0 && now - (askedAt.get(region) ?? 0) >= ASK_EVERY_MS) {
      askedAt.set(region, now);
      logger.info({ region, checks: ask.length }, "A region alone sees a target fail: it is asked about others");
      for (const { monitorId } of ask) {
        const monitor = schedule.get(monitorId);
        if (monitor) onAsk(monitor, region, now);
      }
    }
    return alone.map(({ monitorId }) => monitorId);
  }

  /** Some monitors of other hosts that a region checks beside at least two others. */
  function candidates(region: string, turned: readonly View[]): string[] {
    const hosts = new Set(turned.map(({ host }) => host));
    const ids: string[] = [];
    for (const monitor of schedule.monitors.values()) {
      if (ids.length === MAX_CANDIDATES) break;
      if (!monitor.enabled) continue;
      const regions = schedule.expand(monitor.regions);
      if (!regions.includes(region) || regions.length <= OTHERS_NEEDED || hosts.has(hostOf(monitor))) continue;
      hosts.add(hostOf(monitor));
      ids.push(monitor.id);
    }
    return ids;
  }

  /** Whether an impaired region is to keep its vote lost. */
  async function follow({ region, badAt }: Impairment, now: number): Promise<void> {
    const canaries = canariesOf(region);
    const all = await views(region, await store.checkedSince(region, 0, MAX_CHECKED), now);
    const { isBad } = standingOf(all, false, now);
    const isGone = !schedule.expand("all").includes(region);
    if (isBad || (canaries?.length ?? 0) > 0 || !(isGone || isHeard(region, all, canaries))) {
      if (now - badAt >= NOTE_EVERY_MS) await store.stillBad(region, now);
    } else if (await store.end(region, now - cleanMs, now)) {
      logger.info({ region }, "A region is well again and has its vote back");
    }
  }

  /** Of a region that is silent nobody knows whether it is well. */
  function isHeard(region: string, all: readonly View[], canaries: CanaryNews): boolean {
    if (all.some(({ own }) => own.isWell)) return true;
    if (canaries === null) return false;
    const hasWork = [...schedule.monitors.values()].some(
      ({ enabled, regions }) => enabled && schedule.expand(regions).includes(region),
    );
    return all.length > 0 || !hasWork;
  }

  async function look(): Promise<void> {
    // Before the schedule is loaded nothing is known of who checks what.
    if (schedule.expand("all").length === 0) return;
    const now = Math.floor(clock.now());
    const [current, turnedIds] = await Promise.all([store.current(), store.turnedSince(now - WINDOW_MS, MAX_TURNED)]);
    await learn(current);
    const sights = await store.sightsOf(turnedIds);
    const monitors = watched(turnedIds);
    const suspected = new Map<string, readonly string[]>();
    const found: Finding[] = [];
    for (const region of troubled(sights)) {
      if (impaired.has(region)) continue;
      const turned = viewsOf(region, sights, monitors, now);
      const alone = await suspect(region, turned, now);
      if (alone) suspected.set(region, alone);
      const finding = await examine(region, turned, now);
      if (finding) found.push(finding);
    }
    const voting = schedule.expand("all").filter((region) => !impaired.has(region));
    for (const { region, reason, monitorIds } of outvoted(found, voting.length)) {
      await begin(region, reason, monitorIds, now);
    }
    for (const region of voting) {
      const failing = canariesOf(region);
      if (failing && failing.length > 0)
        await begin(region, `its agents' canaries fail: ${failing.join(", ")}`, [], now);
    }
    for (const impairment of impaired.values()) await follow(impairment, now);
    await learn(await store.current());
    const cleared = [...suspects].flatMap(([region, ids]) => (suspected.has(region) ? [] : ids));
    suspects = suspected;
    if (cleared.length > 0) await lookAgain(cleared);
  }

  /** Looks at what is there now; a look that is under way may have missed it. */
  function lookNow(): Promise<void> {
    const run = () =>
      look()
        .catch((thrown) => logger.warn({ reason: errorText(thrown) }, "The regions could not be judged"))
        .finally(() => {
          looking = undefined;
        });
    if (!looking) {
      looking = run();
      return looking;
    }
    next ??= looking.then(() => {
      next = undefined;
      looking = run();
      return looking;
    });
    return next;
  }

  return {
    get impaired() {
      return new Set(impaired.keys());
    },
    get votingSince() {
      return votingSince;
    },
    get suspects() {
      return [...suspects.keys()];
    },
    async before(results) {
      if (results.some(({ attempt }) => attempt > 0)) await lookNow();
    },
    after(results) {
      // Nobody waits for it: no doubt is ended before its answers, and those wait for their own look.
      if (results.some(({ status }) => status !== "up")) void lookNow();
    },
    async start() {
      impaired = new Map((await store.current()).map((one) => [one.region, one]));
      if (impaired.size > 0) await lookAgain(null);
      timer = setInterval(() => void (looking ?? lookNow()), LOOK_EVERY_MS);
    },
    async stop() {
      clearInterval(timer);
      await next;
      await looking;
    },
  };
}

/** The regions that do not see all of it well. */
function troubled(sights: readonly Sight[]): string[] {
  return [...new Set(sights.filter(({ isWell }) => !isWell).map(({ region }) => region))].sort();
}
