import fc from "fast-check";
import { expect, test } from "vitest";
import { countDue, membersAt, stretchesOf } from "../../../coordinator/schedule/history.ts";
import { createSchedule } from "../../../coordinator/schedule/schedule.ts";
import { shardOf } from "../../../coordinator/schedule/shard.ts";
import { SLOT_MS } from "../../../coordinator/schedule/slot.ts";
import { aMonitor } from "../../support/monitors.ts";

const START = 1_700_000_000;

const spec = fc.record({
  intervalMs: fc.integer({ min: 1, max: 20 }).map((seconds) => seconds * 1_000),
  stagger: fc.boolean(),
  enabled: fc.boolean(),
  regions: fc.oneof(fc.constant("all" as const), fc.subarray(["a", "b", "c"], { minLength: 1 })),
});
/** What happens at an instant, in ms from the start: a change, a removal, or a region that comes up or, if it is there, is retired. */
const event = fc.record({
  at: fc.integer({ min: 0, max: 90_000 }),
  what: fc.oneof(spec, fc.constantFrom("remove", "a", "b", "c")),
});

test("counting from the revisions gives what the schedule planned, slot by slot, over any history", () => {
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 8 }),
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 1, max: 60 }),
      (events, begin, length) => {
        const id = "mon_h";
        const history = [...events].sort((a, b) => a.at - b.at);
        const first = aMonitor({ id, regions: "all", intervalMs: 5_000 });
        const revisions = [{ spec: first as typeof first | null, validFrom: 0 }];
        const regions = [{ region: "a", since: 0, until: null as number | null }];

        // A coordinator that hears of every event at once, and reads each slot a little ahead of it.
        const schedule = createSchedule();
        schedule.setRegions(["a"], 0);
        schedule.set(first);
        const planned = new Map<string, number>();
        for (let slot = START; slot < START + 130; slot++) {
          while (history[0] && history[0].at + START * SLOT_MS < slot * SLOT_MS - 750) {
            const { at, what } = history.shift() as (typeof history)[number];
            const now = at + START * SLOT_MS;
            if (what === "remove") {
              schedule.remove(id, now);
              revisions.push({ spec: null, validFrom: now });
            } else if (typeof what === "string") {
              const current = regions.find(({ region, until }) => region === what && until === null);
              if (current) current.until = now;
              else regions.push({ region: what, since: now, until: null });
              schedule.setRegions(membersAt(regions, now), now);
            } else if (revisions.at(-1)?.spec !== null) {
              const monitor = aMonitor({ ...what, id, updatedAt: now, revision: revisions.length });
              schedule.set(monitor);
              revisions.push({ spec: monitor, validFrom: now });
            }
          }
          if (slot < START + begin || slot >= START + begin + length) continue;
          for (const { region } of schedule.dueIn(shardOf(id), slot))
            planned.set(region, (planned.get(region) ?? 0) + 1);
        }

        const [from, to] = [(START + begin) * SLOT_MS, (START + begin + length) * SLOT_MS];
        for (const region of ["a", "b", "c"]) {
          expect([region, countDue(stretchesOf(id, revisions, regions, region), from, to)]).toEqual([
            region,
            planned.get(region) ?? 0,
          ]);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("a window is counted to the millisecond: its beginning is in it, its end is not", () => {
  const stretch = { from: 0, to: Number.POSITIVE_INFINITY, firstDue: 300, intervalMs: 1_000 };
  expect(countDue([stretch], 1_300, 3_300)).toBe(2);
  expect(countDue([stretch], 1_301, 3_301)).toBe(2);
  expect(countDue([stretch], 1_300, 1_300)).toBe(0);
});
