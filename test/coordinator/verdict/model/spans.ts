/** A stretch of time, from `from` to below `to`, in ms since the epoch. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export const isIn = (spans: readonly Span[], at: number): boolean =>
  spans.some(({ from, to }) => from <= at && at < to);

/** The span that holds an instant. */
export const spanAt = (spans: readonly Span[], at: number): Span | undefined =>
  spans.find(({ from, to }) => from <= at && at < to);

/** The same time in ascending spans that do not touch. */
export function union(spans: readonly Span[]): Span[] {
  const joined: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    const last = joined.at(-1);
    if (last && span.from <= last.to) joined[joined.length - 1] = { from: last.from, to: Math.max(last.to, span.to) };
    else joined.push(span);
  }
  return joined;
}

/** What of `spans` is in none of `others`. */
export function without(spans: readonly Span[], others: readonly Span[]): Span[] {
  let left = union(spans);
  for (const { from, to } of others) {
    left = left.flatMap((span) =>
      [
        { from: span.from, to: Math.min(span.to, from) },
        { from: Math.max(span.from, to), to: span.to },
      ].filter((piece) => piece.from < piece.to),
    );
  }
  return union(left);
}

/** The spans with this much cut off both ends, in ms; with a negative margin, added. */
export const shrink = (spans: readonly Span[], marginMs: number): Span[] =>
  union(
    spans.map(({ from, to }) => ({ from: from + marginMs, to: to - marginMs })).filter(({ from, to }) => from < to),
  );
