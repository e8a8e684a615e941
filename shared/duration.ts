const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * Milliseconds from a duration as people write it: a number of seconds, or text
 * of a number and a unit (`500ms`, `30s`, `5m`, `1h`, `1d`). Null when it is neither.
 */
export function parseDuration(value: number | string): number | null {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? Math.round(value * 1_000) : null;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(value.trim());
  if (!match) return null;
  return Math.round(Number(match[1]) * unitMs[(match[2] ?? "s") as keyof typeof unitMs]);
}

/** The shortest exact text of a duration: 90000 → `90s`, 120000 → `2m`, 1500 → `1500ms`. */
export function formatDuration(ms: number): string {
  for (const unit of ["d", "h", "m", "s"] as const) {
    if (ms > 0 && ms % unitMs[unit] === 0) return `${ms / unitMs[unit]}${unit}`;
  }
  return `${ms}ms`;
}
