import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { follow, graceMs } from "../../../coordinator/incidents/follow.ts";
import type { Incident } from "../../../coordinator/incidents/incident.ts";
import { shardOf } from "../../../coordinator/schedule/shard.ts";
import { SLOT_MS } from "../../../coordinator/schedule/slot.ts";
import type { UptimeDeps } from "../../../coordinator/stats/monitor-uptime.ts";
import { monitorUptime } from "../../../coordinator/stats/monitor-uptime.ts";
import { uptimeWindows } from "../../../coordinator/stats/uptime.ts";
import { writeCourses } from "../../../coordinator/store/incidents.ts";
import { inTransaction } from "../../../coordinator/store/postgres.ts";
import { createVerdictHistoryStore } from "../../../coordinator/store/verdict-history.ts";
import type { Effect } from "../../../coordinator/verdict/state.ts";
import type { Settled, Verdict } from "../../../coordinator/verdict/verdict.ts";
import { freshnessMs } from "../../../coordinator/verdict/verdict.ts";
import { newId } from "../../../shared/id.ts";
import type { Monitor } from "../../../shared/monitor.ts";
import { accountsOf, makeAt } from "../../support/accounts.ts";
import { testStores } from "../../support/stores.ts";

/** More of them find more: `UPTIME_HISTORIES=1000`. */
const HISTORIES = Number(process.env.UPTIME_HISTORIES ?? 25);
/** Time goes in minutes; a history is 100 days, a little more than the longest window. */
const UNIT_MS = 60_000;
const DAY = 86_400_000 / UNIT_MS;
const END = 100 * DAY;
const BEGIN_MS = (Math.floor(Date.now() / 86_400_000) - 101) * 86_400_000;
const msOf = (unit: number) => BEGIN_MS + unit * UNIT_MS;
const traits = { slo: 99.9, intervalMs: UNIT_MS, timeoutMs: UNIT_MS };

/** From some units to half the history, each order of magnitude as likely as any. */
const length = fc.noBias(fc.nat(1_000)).map((n) => Math.floor(2 * (END / 4) ** (n / 1_000)));
/** Mostly near the edges of the windows as seen from the end. */
const instant = fc.noBias(
  fc.oneof(
    fc.nat(END),
    fc.tuple(fc.constantFrom(1, 7, 30, 90), fc.integer({ min: -40, max: 40 })).map(([d, n]) => END - d * DAY + n),
    fc.integer({ min: -400, max: 0 }).map((n) => END + n),
  ),
);
const stretch = fc.tuple(instant, length).map(([from, units]) => ({ from, to: from + units }));

/** What happens in the world. */
const chosen = fc.record({
  madeAt: fc.oneof(fc.constant(0), fc.nat(END)),
  /** The target is up but for these times; the later of two counts. */
  troubles: fc.array(fc.tuple(stretch, fc.constantFrom("degraded", "down", "down")), { maxLength: 12, size: "max" }),
  /** How many units it takes to confirm what is seen. */
  delay: fc.nat(6),
  maintenance: fc.array(stretch, { maxLength: 3, size: "max" }),
  pauses: fc.array(stretch, { maxLength: 2, size: "max" }),
  /** Nobody has checks made; and either somebody is there to say that nothing is known, or not. */
  gaps: fc.array(fc.tuple(stretch, fc.boolean()), { maxLength: 2, size: "max" }),
});
/** Gaps of a shard follow one another, with something dispatched between. */
function apart<G extends readonly [{ readonly from: number; readonly to: number }, boolean]>(gaps: readonly G[]): G[] {
  const result: G[] = [];
  for (const gap of gaps.toSorted(([a], [b]) => a.from - b.from)) {
    if (gap[0].from < gap[0].to && gap[0].from > (result.at(-1)?.[0].to ?? -1)) result.push(gap);
  }
  return result;
}

/** What happens just before, or soon after, some trouble is over: it comes back, and is watched or not. */
const soonAfter = fc.record({
  which: fc.nat(11),
  offset: fc.integer({ min: -6, max: 12 }),
  units: fc.integer({ min: 1, max: 15 }),
  what: fc.constantFrom("trouble", "trouble", "maintenance", "pause", "gap", "unjudged gap"),
});
const worlds = fc.tuple(chosen, fc.array(soonAfter, { maxLength: 12, size: "max" })).map(([world, more]) => {
  const { troubles, maintenance, pauses, gaps } = world;
  const added = more.flatMap(({ which, offset, units, what }) => {
    const [trouble] = troubles[which % Math.max(1, troubles.length)] ?? [];
    const from = Math.min(END, (trouble?.to ?? END) + offset);
    return trouble ? [{ what, span: { from, to: from + units } }] : [];
  });
  const spans = (wanted: string) => added.filter(({ what }) => what === wanted).map(({ span }) => span);
  return {
    ...world,
    troubles: [...troubles, ...spans("trouble").map((span) => [span, "down"] as (typeof troubles)[number])],
    maintenance: [...maintenance, ...spans("maintenance")],
    pauses: [...pauses, ...spans("pause")],
    gaps: apart([
      ...gaps,
      ...spans("gap").map((span) => [span, true] as (typeof gaps)[number]),
      ...spans("unjudged gap").map((span) => [span, false] as (typeof gaps)[number]),
    ]),
  };
});
type World = typeof worlds extends fc.Arbitrary<infer T> ? T : never;

const isIn =
  (unit: number) =>
  ({ from, to }: { from: number; to: number }) =>
    from <= unit && unit < to;

/** What was established: at which unit, since when it was so, and what. */
interface Finding {
  readonly at: number;
  readonly begun: number;
  readonly to: Settled;
}

/** Lives through a world unit by unit, as the verdict's machine would. */
function live({ madeAt, troubles, delay, maintenance, pauses, gaps }: World, lifetime: number) {
  const findings: Finding[] = [{ at: madeAt, begun: madeAt, to: "unknown" }];
  const changes: Array<{ at: number; verdict: Verdict }> = [];
  const effects: Effect<never>[] = [];
  const base = { suspectedAt: null, before: null, evidence: [] };
  let [settled, shown, seen, seenSince] = [
    "unknown" as Settled,
    null as Verdict | null,
    null as Settled | null,
    madeAt,
  ];
  let [paused, lastSeen, before] = [false, Number.NEGATIVE_INFINITY, "up" as Settled];
  const settle = (at: number, begun: number, to: Settled) => {
    effects.push({ type: "settled", at: msOf(at), begunAt: msOf(begun), from: settled, to, ...base });
    findings.push({ at, begun, to });
    settled = to;
    if (to !== "unknown") before = to;
  };
  for (let now = madeAt; now < END; now++) {
    const gap = gaps.find(([one]) => isIn(now)(one));
    const isAway = gap !== undefined && !gap[1];
    const wasPaused = paused;
    paused = pauses.some(isIn(now));
    if (paused !== wasPaused) {
      effects.push({ type: "overlay", at: msOf(now), overlay: "paused", on: paused });
      findings.push({ at: now, begun: now, to: "unknown" });
      [settled, seen, lastSeen, before] = ["unknown", null, Number.NEGATIVE_INFINITY, "up"];
    }
    const isMaintained = !paused && maintenance.some(isIn(now));
    if (!paused && !gap) {
      const is = troubles.findLast(([one]) => isIn(now)(one))?.[1] ?? "up";
      if (is !== seen) [seen, seenSince] = [is, now];
      lastSeen = now;
    } else if (now >= lastSeen + lifetime) seen = null;
    if (!isMaintained && !paused && !isAway) {
      if (seen === null && settled !== "unknown") settle(now, now, "unknown");
      // That it still is as it was before nothing was known is no finding of an instant before.
      const begun = seen === before ? now : seenSince;
      if (seen !== null && !gap && seen !== settled && now >= seenSince + delay) settle(now, begun, seen);
    }
    const verdict = paused ? "paused" : isMaintained ? "maintenance" : settled;
    if (verdict !== shown && !(isAway && !paused && !isMaintained && shown !== "paused" && shown !== "maintenance")) {
      changes.push({ at: now, verdict });
      shown = verdict;
    }
  }
  return { findings, changes, effects };
}

/** What is known of each unit in the end, looked at alone. */
function knownOf(
  { madeAt, maintenance, pauses, gaps }: World,
  findings: readonly Finding[],
  lifetime: number,
): Verdict[] {
  const known: Verdict[] = [];
  let next = 0;
  let found: Settled = "unknown";
  for (let unit = 0; unit < END; unit++) {
    while (next < findings.length && (findings[next] as Finding).begun <= unit)
      found = (findings[next++] as Finding).to;
    if (unit < madeAt) known.push("unknown");
    else if (pauses.some(isIn(unit))) known.push("paused");
    else if (maintenance.some(isIn(unit))) known.push("maintenance");
    else if (gaps.some(([gap]) => isIn(unit)({ from: gap.from + lifetime, to: gap.to }))) known.push("unknown");
    else known.push(found);
  }
  return known;
}

/** One row of trouble, or several with less than the grace time between them. */
interface Outage {
  readonly from: number;
  readonly confirmed: number;
  to: number | null;
  recovered: boolean;
  /** When the target was well before it came back. */
  readonly well: Array<{ from: number; to: number }>;
}

function outagesOf(findings: readonly Finding[], pauses: World["pauses"], grace: number): Outage[] {
  const outages: Outage[] = [];
  let open: Outage | null = null;
  for (const { at, begun, to } of findings) {
    if (to === "unknown") {
      if (open && pauses.some(({ from, to }) => from <= at && at < to)) [open.to, open] = [at, null];
    } else if (to === "up") {
      if (open) [open.to, open.recovered, open] = [begun, true, null];
    } else if (!open) {
      const last = outages.at(-1);
      if (last?.recovered && last.to !== null && begun - last.to <= grace) {
        last.well.push({ from: last.to, to: begun });
        [open, last.to, last.recovered] = [last, null, false];
      } else {
        open = { from: begun, confirmed: at, to: null, recovered: false, well: [] };
        outages.push(open);
      }
    }
  }
  return outages;
}

let stores: Awaited<ReturnType<typeof testStores>>;
let deps: UptimeDeps;
beforeAll(async () => {
  stores = await testStores();
  deps = { ...accountsOf(stores), verdictHistory: createVerdictHistoryStore(stores.postgres) };
});
afterAll(() => stores?.stop());

/** Writes what a world came to as coordinators do. */
async function record(monitor: Monitor, { gaps }: World, { changes, effects }: ReturnType<typeof live>): Promise<void> {
  const { postgres } = stores;
  await postgres.query("DELETE FROM verdict_changes WHERE monitor_id = $1", [monitor.id]);
  await postgres.query("DELETE FROM shard_gaps");
  for (const { at, verdict } of changes) {
    const values = [monitor.id, new Date(msOf(at)), verdict];
    await postgres.query("INSERT INTO verdict_changes (monitor_id, at, verdict) VALUES ($1, $2, $3)", values);
  }
  for (const [{ from, to }] of gaps) {
    if (from >= to) continue;
    const slots = [shardOf(monitor.id), msOf(from) / SLOT_MS, msOf(to) / SLOT_MS - 1];
    await postgres.query("INSERT INTO shard_gaps VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", slots);
  }
  let incident: Incident | null = null;
  await inTransaction(postgres, async (client) => {
    for (const effect of effects) {
      const course = follow({
        monitorId: monitor.id,
        incident,
        effects: [effect],
        flapping: false,
        settled: "unknown",
        graceMs: graceMs(monitor.intervalMs),
        newId: () => newId("inc"),
        evidenceOf: () => expect.fail("nobody voted"),
      });
      incident = course.incident ?? incident;
      await writeCourses(client, [{ ...course, news: [] }]);
    }
  });
}

const mean = (values: readonly number[]) =>
  values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;

test("uptime, downtime, budget, MTTR and MTTD are what counting unit by unit gives, whatever happened", async () => {
  let number = 0;
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      const monitor = await makeAt(stores, deps, `mon_r${number++}`, msOf(world.madeAt), traits);
      const lifetime = freshnessMs(monitor) / UNIT_MS;
      const grace = graceMs(monitor.intervalMs) / UNIT_MS;
      const lived = live(world, lifetime);
      await record(monitor, world, lived);
      const known = knownOf(world, lived.findings, lifetime);
      const outages = outagesOf(lived.findings, world.pauses, grace);
      const count = (from: number, to: number, ...wanted: Verdict[]) => {
        let units = 0;
        for (let unit = Math.max(0, from); unit < to; unit++) if (wanted.includes(known[unit] as Verdict)) units++;
        return units;
      };
      const { windows, days } = await monitorUptime(deps, monitor, msOf(END));
      for (const { window, ...shown } of windows) {
        const from = Math.max(world.madeAt, END - uptimeWindows[window] / UNIT_MS);
        const units = (...wanted: Verdict[]) => count(from, END, ...wanted);
        const within = (wanted: Verdict) => (one: Outage) => count(Math.max(from, one.from), one.to ?? END, wanted) > 0;
        const down = outages.filter(within("down"));
        const observed = units("up", "degraded", "down");
        const repairs = down.filter(({ recovered }) => recovered);
        expect({ window, ...shown }).toMatchObject({
          window,
          from: Math.min(msOf(from), msOf(END)),
          to: msOf(END),
          uptime: observed === 0 ? null : units("up", "degraded") / observed,
          observedMs: observed * UNIT_MS,
          downtimeMinutes: units("down"),
          durations: {
            upMs: units("up") * UNIT_MS,
            degradedMs: units("degraded") * UNIT_MS,
            downMs: units("down") * UNIT_MS,
            unknownMs: units("unknown") * UNIT_MS,
            pausedMs: units("paused") * UNIT_MS,
            maintenanceMs: units("maintenance") * UNIT_MS,
          },
          errorBudget: { leftMs: Math.round(observed * UNIT_MS * 0.001) - units("down") * UNIT_MS },
          incidents: {
            down: down.length,
            degraded: outages.filter((one) => !down.includes(one)).filter(within("degraded")).length,
            mttrMs: mean(
              repairs.map(({ from, to, well }) => {
                const troubled = (one: { from: number; to: number }) =>
                  count(one.from, one.to, "down", "degraded", "unknown");
                const all = troubled({ from, to: to as number });
                return well.reduce((left, one) => left - troubled(one), all) * UNIT_MS;
              }),
            ),
            mttdMs: mean(
              down.map(({ from, confirmed }) => count(from, confirmed, "up", "down", "degraded", "unknown") * UNIT_MS),
            ),
          },
        });
      }
      for (const day of days) {
        const [from, to] = [(day.from - BEGIN_MS) / UNIT_MS, (day.to - BEGIN_MS) / UNIT_MS];
        expect([day.from, day.durations.downMs]).toEqual([day.from, count(from, to, "down") * UNIT_MS]);
      }
    }),
    { numRuns: HISTORIES },
  );
}, 600_000);
