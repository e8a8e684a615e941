import { expect, it } from "vitest";
import { isoTime, parseTime } from "../../shared/clock.ts";

it.each([
  ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"],
  ["2026-01-31T12:00:00.25+02:00", "2026-01-31T10:00:00.250Z"],
  ["2026-01-31 12:00-05:30", "2026-01-31T17:30:00.000Z"],
  ["2026-01-31", "2026-01-31T00:00:00.000Z"],
  ["2024-02-29", "2024-02-29T00:00:00.000Z"],
])("%s is the time %s", (text, expected) => {
  const time = parseTime(text);
  expect(time !== null && isoTime(time)).toBe(expected);
});

it.each([
  // These would be other times on a machine in another time zone.
  "2026-01-31T12:00:00",
  "2026-01-31 12:00",
  "Jan 31 2026",
  "31/01/2026",
  "2026-02-31",
  "2026-02-30T12:00Z",
  "2026-01-31T25:00Z",
  "2026-01-31T12:00:00+99:00",
  "2026-01-31T12Z",
  "yesterday",
  "",
])("%j is no time", (text) => {
  expect(parseTime(text)).toBeNull();
});
