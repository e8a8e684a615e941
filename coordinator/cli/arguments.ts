import { InvalidArgumentError } from "commander";
import { isoTime, parseTime, timeRule } from "../../shared/clock.ts";
import { parseDuration } from "../../shared/duration.ts";
import { isRegion, regionRule } from "../../shared/region.ts";

/** The ISO time of what a person wrote as one, or of a duration before now. */
export function parseTimeOrAge(text: string, now: number): string {
  const ago = parseDuration(text);
  const time = ago === null ? parseTime(text) : now - ago;
  if (time === null) throw new InvalidArgumentError(`It ${timeRule}, or a duration such as 1h.`);
  return isoTime(time);
}

export function parseLimit(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1 to 999999.");
  return Number(text);
}

export function parseRegion(text: string): string {
  if (!isRegion(text)) throw new InvalidArgumentError(`It ${regionRule}.`);
  return text;
}
