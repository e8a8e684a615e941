import type { Verdict } from "../verdict/verdict.ts";

/** From this instant on, to below `to`; in ms since the epoch. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** A stretch of time with one verdict. */
export interface Span extends Stretch {
  readonly verdict: Verdict;
}

/** From this instant on people were shown this verdict. */
export interface VerdictChange {
  readonly at: number;
  readonly verdict: Verdict;
}

/** What was known at `at` had been so since `since`: the target's own failure or recovery, which checks saw before it was confirmed. */
export interface Sighting {
  readonly at: number;
  readonly since: number;
  readonly verdict: "up" | "degraded" | "down";
}

export interface History {
  /** In ascending order; the first may be before the window. Before the first nothing is known. */
  readonly changes: readonly VerdictChange[];
  readonly sightings: readonly Sighting[];
  /** When no vote can have been fresh, because nobody had checks made. */
  readonly silences: readonly Stretch[];
}

/**
 * A window cut into spans, without a gap and without an overlap. The verdict's edges
 * are moved to where the target itself failed and recovered; silence is unknown,
 * whatever was shown meanwhile; a pause and maintenance stay what they are.
 */
export function spansOf({ from, to }: Stretch, { changes, sightings, silences }: History): Span[] {
  if (from >= to) return [];
  const shown = changes.map(
    ({ at, verdict }, n): Span => ({ from: at, to: changes[n + 1]?.at ?? Number.POSITIVE_INFINITY, verdict }),
  );
  const all: Span[] = [
    { from: Number.NEGATIVE_INFINITY, to: shown[0]?.from ?? Number.POSITIVE_INFINITY, verdict: "unknown" },
    ...shown,
  ];
  const seen = sightings.map(({ at, since, verdict }) => ({ from: since, to: at, verdict }));
  const silent = silences.map((stretch) => ({ ...stretch, verdict: "unknown" as const }));
  const within = all
    .map((span) => ({ ...span, from: Math.max(span.from, from), to: Math.min(span.to, to) }))
    .filter((span) => span.from < span.to);
  return joined(painted(painted(within, seen), silent));
}

/** The spans as they are when the target is known to have been well in some stretches, for all that was seen then. */
export function knownWell(spans: readonly Span[], stretches: readonly Stretch[]): Span[] {
  return painted(
    spans,
    stretches.map((stretch) => ({ ...stretch, verdict: "up" })),
  );
}

/** Puts patches over spans, but not over what is on purpose; of patches that overlap the earlier one counts. */
function painted(spans: readonly Span[], patches: readonly Span[]): Span[] {
  const waiting = apart(patches);
  const result: Span[] = [];
  let next = 0;
  for (const span of spans) {
    if (isOnPurpose(span.verdict)) {
      result.push(span);
      continue;
    }
    while (next < waiting.length && (waiting[next] as Span).to <= span.from) next++;
    let { from } = span;
    for (let patch = waiting[next]; patch && patch.from < span.to; patch = waiting[++next]) {
      if (patch.from > from) result.push({ ...span, from, to: patch.from });
      const end = Math.min(patch.to, span.to);
      result.push({ from: Math.max(from, patch.from), to: end, verdict: patch.verdict });
      from = end;
      if (patch.to > span.to) break;
    }
    if (from < span.to) result.push({ ...span, from });
  }
  return result;
}

/** In ascending order, without those that are empty, and without overlaps. */
function apart(patches: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const patch of patches.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    const from = Math.max(patch.from, result.at(-1)?.to ?? patch.from);
    if (from < patch.to) result.push({ ...patch, from });
  }
  return result;
}

/** Nobody expects a target to be up then. */
export function isOnPurpose(verdict: Verdict): boolean {
  return verdict === "paused" || verdict === "maintenance";
}

/** Neighbours with one verdict as one span. */
function joined(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const span of spans) {
    const last = result.at(-1);
    if (last?.verdict === span.verdict) result[result.length - 1] = { ...last, to: span.to };
    else result.push(span);
  }
  return result;
}
