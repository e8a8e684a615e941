import { InvalidArgumentError } from "commander";
import { parseDuration } from "../../shared/duration.ts";
import { isRegion, regionRule } from "../../shared/region.ts";

/** The ISO time of an ISO text, or of a duration before now. */
export function parseTime(text: string, now: number): string {
  const ago = parseDuration(text);
  const time = ago === null ? Date.parse(text) : now - ago;
  if (!Number.isFinite(time)) {
    throw new InvalidArgumentError(
      "It must be an ISO 8601 time such as 2026-11-20T08:00:00Z, or a duration such as 1h.",
    );
  }
  return new Date(time).toISOString();
}

export function parseLimit(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1 to 999999.");
  return Number(text);
}

export function parseRegion(text: string): string {
  if (!isRegion(text)) throw new InvalidArgumentError(`It ${regionRule}.`);
  return text;
}
