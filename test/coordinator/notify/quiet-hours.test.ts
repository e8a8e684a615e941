import { expect, test } from "vitest";
import { afterQuiet, quietHours } from "../../../coordinator/notify/quiet-hours.ts";

const iso = (text: string) => Date.parse(text);

test.each([
  // Within one day.
  [{ timeZone: "UTC", from: "12:00", to: "13:00" }, "2026-11-23T11:59:59Z", "2026-11-23T11:59:59Z"],
  [{ timeZone: "UTC", from: "12:00", to: "13:00" }, "2026-11-23T12:00:00Z", "2026-11-23T13:00:00Z"],
  [{ timeZone: "UTC", from: "12:00", to: "13:00" }, "2026-11-23T13:00:00Z", "2026-11-23T13:00:00Z"],
  // Past midnight, and a zone half an hour off.
  [{ timeZone: "UTC", from: "22:00", to: "07:00" }, "2026-11-23T23:30:00Z", "2026-11-24T07:00:00Z"],
  [{ timeZone: "Asia/Kolkata", from: "22:00", to: "07:00" }, "2026-11-23T17:00:00Z", "2026-11-24T01:30:00Z"],
  // Only nights that begin on a Friday.
  [{ timeZone: "UTC", from: "22:00", to: "07:00", days: ["fri"] }, "2026-11-28T02:00:00Z", "2026-11-28T07:00:00Z"],
  [{ timeZone: "UTC", from: "22:00", to: "07:00", days: ["fri"] }, "2026-11-28T23:00:00Z", "2026-11-28T23:00:00Z"],
  // The nights on which Berlin's clocks change: 7:00 there is an hour nearer or further.
  [{ timeZone: "Europe/Berlin", from: "22:00", to: "07:00" }, "2026-03-28T22:00:00Z", "2026-03-29T05:00:00Z"],
  [{ timeZone: "Europe/Berlin", from: "22:00", to: "07:00" }, "2026-10-24T21:00:00Z", "2026-10-25T06:00:00Z"],
  // Hours that end in the gap end when the clocks have jumped over it.
  [{ timeZone: "Europe/Berlin", from: "01:00", to: "02:30" }, "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"],
] as const)("%j at %s is over at %s", (hours, at, end) => {
  expect(new Date(afterQuiet(quietHours.parse(hours), iso(at))).toISOString()).toBe(new Date(end).toISOString());
});

test("without quiet hours one may always be told", () => {
  expect(afterQuiet(null, 1_234)).toBe(1_234);
});
