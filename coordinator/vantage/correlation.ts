import type { View } from "./view.ts";

/** Within this time results have to have turned bad to have done so at once, in ms. */
export const WINDOW_MS = 30_000;
/** So many unrelated targets that a region alone sees fail, and this share of those that it checks, are its own trouble. */
export const IMPAIRED_TARGETS = 3;
const IMPAIRED_SHARE = 0.5;
/** For so long after a result turned bad, and a check's timeout, it is asked whether that is the region's own trouble, in ms. */
const SUSPECT_MS = 10_000;
/** So many other targets a region is asked about, or one more than it sees fail. */
const ASKED_TARGETS = 4;
/** So many unrelated targets that fail at once are suspicious even where the region sees nothing else to be asked about. */
const SUSPECT_TARGETS = 2;
/** Of a region and a single other one nobody can tell which is wrong. */
export const OTHERS_NEEDED = 2;

/** What a region's results say about its own network. */
export interface Standing {
  /** Unrelated targets that it checks and at least two others see. */
  readonly compared: number;
  /** Those of them that it alone sees fail. */
  readonly alone: number;
  /** So many that it is the region's own trouble. */
  readonly isBad: boolean;
}

/**
 * Whether a region sees many unrelated targets fail that others see well. A host
 * counts once, however many monitors look at it, and as failing only when the
 * region sees nothing of it well. That others see it well has to be known from
 * checks that ended after the region's own began to fail: what they saw before says
 * nothing, since they may not have looked since. Real outages, which all regions
 * see, therefore impair nobody. Nor does a provider's that lets every other request
 * fail, of which each region sees something else: who saw a target fail minutes ago is
 * no witness that it is well, and where more targets waver than one region alone sees
 * fail, it is not the region.
 *
 * @param onset counts only what turned bad within the last {@link WINDOW_MS}, and what was checked since then,
 *   as is asked of a region that was well; of one that was not it is asked whether it still sees so.
 */
export function standingOf(views: readonly View[], onset: boolean, now: number): Standing {
  const from = onset ? now - WINDOW_MS : Number.NEGATIVE_INFINITY;
  const comparable = views.filter(({ others }) => others.length >= OTHERS_NEEDED);
  const failing = comparable.filter((view) => view.own.since > from && isAlone(view));
  const begun = onset ? Math.min(...failing.map(({ own }) => own.since)) : from;
  const seen = comparable.filter(({ own }) => own.checkedAt >= begun);
  const well = new Set(seen.filter(({ own }) => own.isWell).map(({ host }) => host));
  const compared = new Set(seen.map(({ host }) => host)).size;
  const alone = new Set(failing.map(({ host }) => host).filter((host) => !well.has(host))).size;
  const wavering = new Set(seen.filter(isWavering).map(({ host }) => host)).size;
  const isBad = alone >= IMPAIRED_TARGETS && alone >= compared * IMPAIRED_SHARE && alone > wavering;
  return { compared, alone, isBad };
}

/** The regions that are in trouble, of those found to be: none when they are not outvoted by the rest. */
export function outvoted<R>(found: readonly R[], voting: number): readonly R[] {
  return found.length * 2 < voting ? found : [];
}

/** Whether a region sees a target fail that most others were found to see well since. */
function isAlone({ own, others }: View): boolean {
  const well = others.filter(({ isWell, isSettled, checkedAt }) => isWell && isSettled && checkedAt > own.since);
  return !own.isWell && well.length * 2 > others.length;
}

/** Whether some other region has lately come to see a target otherwise: then it is the target that is in trouble. */
function isWavering({ others }: View): boolean {
  return others.some(({ isSettled }) => !isSettled);
}

/** What a region alone has just begun to see fail, as far as is known: others saw it well when they last looked. */
export function turnedAlone(views: readonly View[], now: number): View[] {
  return views.filter(
    ({ own, others, timeoutMs }) =>
      !own.isWell &&
      own.since > now - SUSPECT_MS - timeoutMs &&
      others.length >= OTHERS_NEEDED &&
      others.filter(({ isWell }) => isWell).length * 2 > others.length,
  );
}

/** Whether to look twice at what a region alone sees, and what to ask it for so that it can be told. */
export interface Suspicion {
  readonly isSuspect: boolean;
  /** Targets that it saw well and has not looked at since. */
  readonly ask: readonly View[];
}

const unsuspected: Suspicion = { isSuspect: false, ask: [] };

/**
 * A region that alone begins to see a target fail is suspect for a few seconds, until
 * it is found to see more other targets well than it sees fail. It is asked to look at
 * them at once, since in its turn that could take an interval.
 */
export function suspicionOf(views: readonly View[], now: number): Suspicion {
  const turned = turnedAlone(views, now);
  const failing = new Set(turned.map(({ host }) => host));
  if (failing.size === 0) return unsuspected;
  const begun = Math.min(...turned.map(({ own }) => own.since));
  /** What the region saw well last, of each other host. */
  const rest = new Map<string, View>();
  for (const view of views) {
    if (!view.own.isWell || view.others.length < OTHERS_NEEDED || failing.has(view.host)) continue;
    const known = rest.get(view.host);
    if (!known || known.own.checkedAt < view.own.checkedAt) rest.set(view.host, view);
  }
  const ask = [...rest.values()].filter(({ own }) => own.checkedAt <= begun);
  const well = rest.size - ask.length;
  if (well > failing.size || (ask.length === 0 && failing.size < SUSPECT_TARGETS)) return unsuspected;
  return { isSuspect: true, ask: ask.slice(0, Math.max(ASKED_TARGETS, failing.size + 1) - well) };
}
