import { z } from "zod";

const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a time such as 22:00");

/** A time zone of the IANA database. */
export const timeZone = z.string().refine(isTimeZone, { message: "must be a time zone such as Europe/Berlin" });

/** Hours of the day in which people are told of what is urgent only; they may go past midnight. */
export const quietHours = z
  .strictObject({
    timeZone,
    from: timeOfDay,
    to: timeOfDay,
    /** The days on which they begin. */
    days: z
      .array(z.enum(weekdays))
      .min(1)
      .default([...weekdays]),
  })
  .refine(({ from, to }) => from !== to, { path: ["to"], message: "must differ from its beginning" });

export type QuietHours = z.output<typeof quietHours>;

const MINUTE_MS = 60_000;
const WEEK_MINUTES = 7 * 24 * 60;

/**
 * When one may be told: the instant itself, or the end of the quiet hours that it
 * falls into; in ms since the epoch. Looked for minute by minute on the local clock,
 * so that a change of summer time moves it as it moves people.
 */
export function afterQuiet(quiet: QuietHours | null, at: number): number {
  if (quiet === null || !isQuiet(quiet, at)) return at;
  const firstMinute = Math.floor(at / MINUTE_MS) * MINUTE_MS;
  for (let n = 1; n <= WEEK_MINUTES; n++) {
    const instant = firstMinute + n * MINUTE_MS;
    if (!isQuiet(quiet, instant)) return instant;
  }
  return at;
}

function isQuiet({ timeZone: zone, from, to, days }: QuietHours, at: number): boolean {
  const { day, time } = localTime(zone, at);
  const begins = (weekday: number): boolean => days.includes(weekdays[(weekday + 7) % 7] as (typeof weekdays)[number]);
  if (from < to) return begins(day) && time >= from && time < to;
  return (begins(day) && time >= from) || (begins(day - 1) && time < to);
}

/** The weekday (0 is Sunday) and the time of day that clocks show in a zone. */
function localTime(zone: string, at: number): { readonly day: number; readonly time: string } {
  const parts = new Map(
    formatOf(zone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const day = (weekdays as readonly string[]).indexOf(parts.get("weekday")?.toLowerCase() ?? "");
  return { day, time: `${parts.get("hour")}:${parts.get("minute")}` };
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Made once for each zone: making one costs a hundred times what using it does. */
function formatOf(zone: string): Intl.DateTimeFormat {
  const made =
    formats.get(zone) ??
    new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
  formats.set(zone, made);
  return made;
}

function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en-GB", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}
