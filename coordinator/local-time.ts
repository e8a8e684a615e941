/** Days as documents name them, by number: 0 is Sunday. */
export const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
export type Weekday = (typeof weekdays)[number];

export const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/**
 * A date and time that a clock on a wall shows, as the ms since the epoch that they
 * would be in UTC: so that local times can be counted with.
 */
export type WallTime = number;

/** Whether it is a time zone of the IANA database, as this Node.js knows it. */
export function isTimeZone(zone: string): boolean {
  try {
    formatOf(zone);
    return true;
  } catch {
    return false;
  }
}

/** What the clock shows in a zone at an instant, to the second. */
export function wallTimeAt(instant: number, zone: string): WallTime {
  const parts = Object.fromEntries(
    formatOf(zone)
      .formatToParts(instant)
      .map(({ type, value }) => [type, Number(value)]),
  ) as Record<"year" | "month" | "day" | "hour" | "minute" | "second", number>;
  return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second);
}

export function weekdayOf(wall: WallTime): Weekday {
  return weekdays[new Date(wall).getUTCDay()] as Weekday;
}

/**
 * When the clock first shows this time, or a later one where this time is skipped:
 * then it is the moment at which the clock is set forward.
 */
export function firstAt(wall: WallTime, zone: string): number {
  return candidates(wall, zone)[0];
}

/**
 * From when on the clock never again shows an earlier time: of a time that comes
 * twice, because the clock is set back, the second.
 */
export function lastAt(wall: WallTime, zone: string): number {
  return candidates(wall, zone)[1];
}

/** Clocks are not set twice within two days. */
function candidates(wall: WallTime, zone: string): readonly [first: number, last: number] {
  const offsetAt = (instant: number) => wallTimeAt(instant, zone) - instant;
  // Both as if the clock were not set: by the offset of the day before, and of the day after.
  const byEarlier = wall - offsetAt(wall - DAY_MS);
  const byLater = wall - offsetAt(wall + DAY_MS);
  const found = [byEarlier, byLater].filter((instant) => wallTimeAt(instant, zone) === wall);
  const [first, last] = [Math.min(...found), Math.max(...found)];
  // The very time that the clock is set back to is not followed by an earlier one.
  if (found.length > 0) return [first, wallTimeAt(last - MINUTE_MS, zone) < wall ? last : first];
  // The time is skipped: the earlier instant is before the change, the later one after it.
  let [before, after] = [Math.min(byEarlier, byLater), Math.max(byEarlier, byLater)];
  while (after - before > MINUTE_MS) {
    const middle = before + Math.floor((after - before) / 2 / MINUTE_MS) * MINUTE_MS;
    if (wallTimeAt(middle, zone) < wall) before = middle;
    else after = middle;
  }
  return [after, after];
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Made once for each zone: making one costs a hundred times what using it does. */
function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const made = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  formats.set(zone, made);
  return made;
}
