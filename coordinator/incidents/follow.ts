import type { Ballot, Effect } from "../verdict/state.ts";
import type { Settled } from "../verdict/verdict.ts";
import type {
  Evidence,
  Incident,
  IncidentKind,
  IncidentLevel,
  Resolution,
  TimelineEntry,
  TimelineType,
} from "./incident.ts";
import { newlyOpened } from "./incident.ts";

/** What people may be told of. */
export type NewsEvent =
  | "down"
  | "degraded"
  | "up"
  | "flapping"
  | "no_data"
  | "data_back"
  | "region_impaired"
  | "region_recovered"
  | "closed";

/** Why something is not watched any more. */
export const closingReasons = ["paused", "removed"] as const;

/** That something is not watched any more, and how it was when it was looked at last. */
export interface Closing {
  readonly reason: (typeof closingReasons)[number];
  /** Who did it: `admin` for the admin token, else the name of an API token; null where that is not known. */
  readonly by: string | null;
  readonly was: IncidentLevel | "flapping" | "no_data" | "impaired";
  /** For how long it had been so, in ms; null where that is not known. */
  readonly forMs: number | null;
}

/** Something to tell people of a monitor or a region; what it says is made of the incident as it is then. */
export interface News {
  readonly event: NewsEvent;
  readonly at: number;
  /** Null for what is about a region, which its incident names. */
  readonly monitorId: string | null;
  readonly incident: Incident | null;
  /** Of what is closed. */
  readonly closing?: Closing;
  /** Of results that come again: what they say. */
  readonly found?: IncidentLevel;
}

export interface Course {
  /** The incident as it is afterwards, when it is new or has changed. */
  readonly incident: Incident | null;
  readonly timeline: readonly TimelineEntry[];
  readonly news: readonly News[];
}

export interface CourseInput<B extends Ballot> {
  readonly monitorId: string;
  /** The monitor's open incident, or its latest, if it has one. */
  readonly incident: Incident | null;
  readonly effects: readonly Effect<B>[];
  /** Whether the monitor was changing too often to tell of each change when the effects began. */
  readonly flapping: boolean;
  /** What is settled at the end. */
  readonly settled: Settled;
  /** One that fails again within this time after it recovered is the same incident, in ms. */
  readonly graceMs: number;
  readonly newId: () => string;
  readonly evidenceOf: (vote: B) => Evidence;
}

const MIN_GRACE_MS = 5 * 60_000;

/** How long after its recovery an incident is taken up again, in ms. */
export function graceMs(intervalMs: number): number {
  return Math.max(MIN_GRACE_MS, 2 * intervalMs);
}

/**
 * Follows what the verdict did into the monitor's incident: opened, worsened, eased,
 * resolved, with its timeline, and what to tell people of it. Times are those of the
 * target's own failure and recovery, as far as checks saw them.
 */
export function follow<B extends Ballot>(input: CourseInput<B>): Course {
  const { monitorId, effects, newId, evidenceOf } = input;
  const timeline: TimelineEntry[] = [];
  const news: News[] = [];
  let { incident, flapping } = input;
  let changed = false;

  const isOpen = (): boolean => incident !== null && incident.resolvedAt === null;
  const update = (change: Partial<Incident>): void => {
    if (!incident) return;
    incident = { ...incident, ...change };
    changed = true;
  };
  const log = (type: TimelineType, at: number, data: Readonly<Record<string, unknown>> = {}): void => {
    timeline.push({ type, at, monitorId, incidentId: isOpen() ? (incident?.id ?? null) : null, data });
  };
  /** Of a monitor that flaps each change is not told; that it does is. */
  const tell = (event: NewsEvent, at: number, always = false): void => {
    if (flapping && !always) return;
    update({ notices: (incident?.notices ?? 0) + 1 });
    news.push({ event, at, monitorId, incident });
  };
  /** That results stop or come again has nothing to do with an incident that is over. */
  const tellOfData = (event: "no_data" | "up", at: number): void => {
    if (isOpen()) tell(event, at);
    else if (!flapping) news.push({ event, at, monitorId, incident: null });
  };
  const resolve = (at: number, recoveredAt: number | null, resolution: Resolution): void => {
    log("resolved", at, { resolution, ...(recoveredAt !== null && { recoveredAt }) });
    update({ resolvedAt: at, recoveredAt, resolution });
  };

  function trouble(level: IncidentLevel, effect: Extract<Effect<B>, { type: "settled" }>): void {
    const { at, from, begunAt: startedAt, evidence: votes, suspectedAt, before } = effect;
    const seen = votes.map(evidenceOf);
    if (isOpen() && incident) {
      const was = incident.level;
      const evidence = witnessed(incident.evidence, seen);
      update({ level, kind: kindOf(evidence, level), evidence });
      if (was === level) log("data_back", at, { level });
      else {
        log(level === "down" ? "worsened" : "eased", at, { level, startedAt, regions: troubledIn(evidence) });
        tell(level, at);
      }
      return;
    }
    // A silence before the incident is over; one within it is the incident's own, and ends with it.
    if (from === "unknown" && before !== null)
      news.push({ event: "data_back", at, monitorId, incident: null, found: level });
    if (incident && incident.recoveredAt !== null && startedAt - incident.recoveredAt <= input.graceMs) {
      const evidence = witnessed(incident.evidence, seen);
      const failedAgainAt = Math.max(incident.recoveredAt, startedAt);
      update({
        level,
        kind: kindOf(evidence, level),
        evidence,
        recoveredAt: null,
        resolvedAt: null,
        resolution: null,
        // Who had it in hand was told that it is over.
        acknowledgedAt: null,
        acknowledgedBy: null,
        reopened: incident.reopened + 1,
        failedAgainAt,
        wellMs: incident.wellMs + failedAgainAt - incident.recoveredAt,
      });
      log("reopened", at, { level, startedAt: failedAgainAt, regions: troubledIn(evidence) });
    } else {
      const kind = kindOf(seen, level);
      incident = {
        ...newlyOpened,
        id: newId(),
        monitorId,
        region: null,
        kind,
        level,
        startedAt,
        detectedAt: suspectedAt ?? at,
        confirmedAt: at,
        evidence: seen,
      };
      changed = true;
      log("opened", at, { level, kind, before, startedAt, regions: troubledIn(seen) });
    }
    tell(level, at);
  }

  function wellAgain({ at, from, before, begunAt }: Extract<Effect<B>, { type: "settled" }>): void {
    if (isOpen() && incident) {
      resolve(at, Math.max(incident.failedAgainAt ?? incident.startedAt, begunAt), "recovered");
      tell("up", at);
    } else if (from === "unknown" && before !== null) {
      log("data_back", at);
      tellOfData("up", at);
    }
  }

  for (const effect of effects) {
    const { at } = effect;
    switch (effect.type) {
      case "settled":
        if (effect.to === "down" || effect.to === "degraded") trouble(effect.to, effect);
        else if (effect.to === "up") wellAgain(effect);
        else {
          log("no_data", at, { before: effect.from });
          // Regions that are impaired are told of by themselves.
          if (!effect.forImpaired) tellOfData("no_data", at);
        }
        break;
      case "evidence":
        if (isOpen() && incident) {
          const evidence = witnessed(incident.evidence, effect.evidence.map(evidenceOf));
          // That regions come back one by one does not make less of it.
          update({ evidence, kind: incident.kind === "global" ? "global" : kindOf(evidence, incident.level) });
          log("evidence", at, { regions: troubledIn(evidence) });
        }
        break;
      case "cleared":
        log("blip", at, { suspectedAt: effect.suspectedAt });
        break;
      case "flapping":
        log(effect.flapping ? "flapping" : "calm", at);
        if (effect.flapping) tell("flapping", at, true);
        flapping = effect.flapping;
        // The changes meanwhile were not told, so that people need to hear where it ended.
        if (!effect.flapping && input.settled !== "unknown") tell(input.settled, at);
        break;
      case "overlay":
        if (effect.overlay === "maintenance") log(effect.on ? "maintenance_began" : "maintenance_ended", at);
        else {
          log(effect.on ? "paused" : "resumed", at);
          if (effect.on && isOpen()) resolve(at, null, "paused");
        }
        break;
      case "confirm":
      case "held":
      case "released":
        break;
    }
  }
  return { incident: changed ? incident : null, timeline, news };
}

/** Whether a region saw trouble, and has not seen the target well since. */
function isTroubled({ status, backSince }: Evidence): boolean {
  return status !== "up" && backSince === null;
}

function troubledIn(evidence: readonly Evidence[]): string[] {
  return evidence.filter(isTroubled).map(({ region }) => region);
}

/** How far trouble of a level reaches, by the latest word of each region. */
function kindOf(evidence: readonly Evidence[], level: IncidentLevel): IncidentKind {
  const seen = evidence.filter((one) => isTroubled(one) && (level === "degraded" || one.status === "down"));
  return seen.length * 2 > evidence.length ? "global" : "regional";
}

/** What each region saw of the trouble last: a region that sees the target well again, or is silent, is still a witness. */
function witnessed(before: readonly Evidence[], now: readonly Evidence[]): Evidence[] {
  const rows = new Map(before.map((row) => [row.region, row]));
  for (const seen of now) {
    const known = rows.get(seen.region);
    const isBack = known !== undefined && known.status !== "up" && seen.status === "up";
    rows.set(seen.region, isBack ? { ...known, backSince: known.backSince ?? seen.since } : seen);
  }
  return [...rows.values()].sort((a, b) => (a.region < b.region ? -1 : 1));
}
