import fc from "fast-check";
import { expect, test } from "vitest";
import type { Span } from "../../../coordinator/stats/spans.ts";
import { cutTo, daysOf, incidentFigures, uptimeOf } from "../../../coordinator/stats/uptime.ts";
import { verdicts } from "../../../coordinator/verdict/verdict.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;

const partition = fc
  .array(fc.record({ length: fc.integer({ min: 1, max: 1_000 }), verdict: fc.constantFrom(...verdicts) }))
  .map((parts) => {
    let at = 0;
    return parts.map(({ length, verdict }): Span => {
      at += length;
      return { from: at - length, to: at, verdict };
    });
  });

test("durations sum to the window, and what is paused, in maintenance or unknown is in no share", () => {
  fc.assert(
    fc.property(partition, (spans) => {
      const { durations, observedMs, uptime, downtimeMinutes } = uptimeOf(spans, null);
      const { unknownMs, pausedMs, maintenanceMs, downMs } = durations;
      expect(Object.values(durations).reduce((a, b) => a + b, 0)).toBe(spans.at(-1)?.to ?? 0);
      expect(observedMs + unknownMs + pausedMs + maintenanceMs).toBe(spans.at(-1)?.to ?? 0);
      expect(downtimeMinutes).toBe(downMs / MINUTE);
      if (observedMs === 0) expect(uptime).toBeNull();
      else expect(uptime).toBeCloseTo(1 - downMs / observedMs, 12);
    }),
  );
});

test("the objective is met exactly while budget is left", () => {
  fc.assert(
    fc.property(partition, fc.constantFrom(50, 90, 99, 99.5, 99.9, 100), (spans, slo) => {
      const { errorBudget, uptime, observedMs } = uptimeOf(spans, slo);
      if (!errorBudget || uptime === null) return;
      const { allowedMs, usedMs, leftMs, burnRate } = errorBudget;
      expect(leftMs).toBe(allowedMs - usedMs);
      // The budget is in whole milliseconds.
      expect(Math.abs(allowedMs - (observedMs * (100 - slo)) / 100)).toBeLessThanOrEqual(0.5 + 1e-6);
      if (leftMs > 1) expect(uptime * 100).toBeGreaterThan(slo);
      if (leftMs < -1) expect(uptime * 100).toBeLessThan(slo);
      if (allowedMs > 0) expect(burnRate).toBe(usedMs / allowedMs);
      else expect(burnRate).toBeNull();
    }),
  );
});

test("30 days at 99.9 % leave 43 minutes and 12 seconds", () => {
  const spans: Span[] = [
    { from: 0, to: 30 * DAY - 10 * MINUTE, verdict: "up" },
    { from: 30 * DAY - 10 * MINUTE, to: 30 * DAY, verdict: "down" },
  ];
  expect(uptimeOf(spans, 99.9)).toMatchObject({
    downtimeMinutes: 10,
    errorBudget: { slo: 99.9, allowedMs: 2_592_000, usedMs: 600_000, leftMs: 1_992_000, burnRate: 600 / 2_592 },
  });
  expect(uptimeOf(spans, 100).errorBudget).toMatchObject({ allowedMs: 0, leftMs: -10 * MINUTE, burnRate: null });
});

test("incidents are counted where they lasted, by what the monitor was in them", () => {
  const incident = (startedAt: number, recoveredAt: number | null, resolvedAt = recoveredAt) => ({
    startedAt,
    confirmedAt: startedAt + 2,
    recoveredAt,
    resolvedAt,
  });
  const spans: Span[] = [
    { from: 50, to: 120, verdict: "down" },
    { from: 120, to: 150, verdict: "up" },
    { from: 150, to: 160, verdict: "degraded" },
    { from: 160, to: 190, verdict: "up" },
    { from: 190, to: 200, verdict: "down" },
  ];
  const window = { from: 100, to: 200 };
  const all = [
    incident(50, 90),
    incident(80, 120),
    incident(150, 160),
    // Paused while it was down: it ended, and nobody knows whether it recovered.
    incident(190, null, 195),
    incident(195, null),
    incident(200, null),
  ];
  expect(incidentFigures(window, all, spans, [])).toEqual({ down: 3, degraded: 1, mttrMs: 40, mttdMs: 2 });
  expect(incidentFigures(window, [], spans, [])).toEqual({ down: 0, degraded: 0, mttrMs: null, mttdMs: null });
});

test("days of UTC partition a window, whatever the clocks of people do", () => {
  const instant = fc.integer({ min: 0, max: 400 * DAY });
  fc.assert(
    fc.property(instant, fc.nat(100 * DAY), partition, (from, length, spans) => {
      const days = daysOf({ from, to: from + length });
      expect(days.reduce((sum, day) => sum + day.to - day.from, 0)).toBe(length);
      for (const [n, day] of days.entries()) {
        expect(day.from).toBeLessThan(day.to);
        expect(Math.floor(day.from / DAY)).toBe(Math.floor((day.to - 1) / DAY));
        if (n > 0) expect(day.to).toBe(days[n - 1]?.from);
      }
      const cut = { from: 0, to: Math.min(500, spans.at(-1)?.to ?? 0) };
      expect(cutTo(cut, spans).reduce((sum, span) => sum + span.to - span.from, 0)).toBe(cut.to);
    }),
  );
});

test("the time before an incident came back is no repair, also where nothing was known of it", () => {
  const spans: Span[] = [
    { from: 0, to: 10, verdict: "down" },
    { from: 10, to: 12, verdict: "up" },
    { from: 12, to: 18, verdict: "unknown" },
    { from: 18, to: 24, verdict: "down" },
    { from: 24, to: 27, verdict: "maintenance" },
    { from: 27, to: 30, verdict: "unknown" },
    { from: 30, to: 40, verdict: "up" },
  ];
  const incident = { startedAt: 0, confirmedAt: 2, recoveredAt: 30, resolvedAt: 31 };
  const figures = incidentFigures({ from: 5, to: 40 }, [incident], spans, [{ from: 10, to: 18 }]);
  expect(figures).toEqual({ down: 1, degraded: 0, mttrMs: 19, mttdMs: 2 });
});
