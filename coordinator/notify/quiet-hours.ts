import { z } from "zod";
import { timeOfDay, timeZone } from "../fields.ts";
import { DAY_MS, type WallTime, wallTimeAt, weekdayOf, weekdays } from "../local-time.ts";

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
  const wall = wallTimeAt(at, zone);
  const time = new Date(wall).toISOString().slice(11, 16);
  const beginsOn = (day: WallTime): boolean => days.includes(weekdayOf(day));
  if (from < to) return beginsOn(wall) && time >= from && time < to;
  return (beginsOn(wall) && time >= from) || (beginsOn(wall - DAY_MS) && time < to);
}
