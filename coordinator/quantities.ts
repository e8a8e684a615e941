/** How commands and dashboard write quantities. Absent ones are a dash. */
export const ABSENT = "–";

/** A latency with three digits that matter: `0.84 ms`, `8.4 ms`, `84 ms`, `1.24 s`. */
export function formatLatency(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return ABSENT;
  if (ms < 0.995) return `${ms.toFixed(2)} ms`;
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  return `${(ms / 1_000).toFixed(ms < 9_995 ? 2 : 1)} s`;
}

/** How long ago an ISO time was. */
export function formatAge(time: string | null | undefined, now: number): string {
  return time === null || time === undefined ? ABSENT : formatAgo(now - Date.parse(time));
}

/** A span before now in one unit: `now`, `3 s ago`, `5 min ago`. Two machines' clocks may make it negative. */
export function formatAgo(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** A span in two units: `12 s`, `4 min 10 s`, `3 h 5 min`, `2 d 4 h`. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const units = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "min"],
    [1, "s"],
  ] as const;
  const first = units.findIndex(([size]) => seconds >= size);
  if (first === -1) return "0 s";
  const [size, unit] = units[first] as (typeof units)[number];
  const next = units[first + 1];
  const rest = next ? Math.floor((seconds % size) / next[0]) : 0;
  return `${Math.floor(seconds / size)} ${unit}${rest > 0 && next ? ` ${rest} ${next[1]}` : ""}`;
}

/** A delay, of which tenths of a second matter: `0.6 s`, `4.2 s`, `4 min 10 s`. */
export function formatDelay(ms: number | null): string {
  if (ms === null) return ABSENT;
  return ms < 59_950 ? `${(ms / 1_000).toFixed(1)} s` : formatSpan(ms);
}

/** A time for people of any time zone: `2026-01-31 12:00:05 UTC`. */
export function formatUtc(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** A size in bytes in one decimal unit: `812 B`, `9.6 kB`, `96 MB`, `1.2 GB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const unit = bytes < 1_000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1_000 ** unit;
  return `${value.toFixed(unit === 0 || value >= 9.95 ? 0 : 1)} ${units[unit]}`;
}

/** A share from 0 to 1 in percent, rounded down: only all of it is `100 %`. */
export function formatShare(share: number | null | undefined): string {
  if (share === null || share === undefined) return ABSENT;
  return share === 1 ? "100 %" : `${(Math.floor(share * 10_000) / 100).toFixed(2)} %`;
}

/** The middle value, or the mean of the two middle ones; null of none. */
export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
}
