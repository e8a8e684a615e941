import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { outvoted, standingOf, suspicionOf } from "../../../coordinator/vantage/correlation.ts";
import type { Sight, View, Watched } from "../../../coordinator/vantage/view.ts";
import { viewsOf } from "../../../coordinator/vantage/view.ts";
import type { Random } from "../verdict/model/random.ts";
import { createRandom } from "../verdict/model/random.ts";

const NOW = 1_000_000;
const policy = { intervalMs: 60_000, timeoutMs: 5_000 };

/** What a region saw, in ms ago. */
function sight(monitorId: string, region: string, isWell: boolean, sinceAgo: number, checkedAgo: number): Sight {
  const checkedAt = NOW - checkedAgo;
  return {
    monitorId,
    region,
    isWell,
    since: NOW - Math.max(sinceAgo, checkedAgo),
    scheduledAt: checkedAt - 5,
    checkedAt,
    address: null,
  };
}

/** A world in which every monitor is seen somehow from every region, lately. */
const world = (minRegions: number, sees: fc.Arbitrary<boolean>) =>
  fc
    .record({ regions: fc.integer({ min: minRegions, max: 5 }), hosts: fc.integer({ min: 1, max: 10 }) })
    .chain(({ regions, hosts }) =>
      fc.array(
        fc.record({
          host: fc.integer({ min: 1, max: hosts }),
          seen: fc.array(
            fc.record({
              isWell: sees,
              since: fc.integer({ min: 0, max: 60_000 }),
              checked: fc.integer({ min: 0, max: 40_000 }),
            }),
            { minLength: regions, maxLength: regions },
          ),
        }),
        { maxLength: 20 },
      ),
    );
type World = Array<{ host: number; seen: Array<{ isWell: boolean; since: number; checked: number }> }>;

const nameOf = (index: number) => `r${index}`;

function viewsIn(monitors: World, region: number, order: (sights: Sight[]) => Sight[] = (all) => all): View[] {
  const sights = monitors.flatMap(({ seen }, n) =>
    seen.map(({ isWell, since, checked }, r) => sight(`m${n}`, nameOf(r), isWell, since, checked)),
  );
  const watched = monitors.map(
    ({ host, seen }, n): Watched => ({
      id: `m${n}`,
      host: `h${host}`,
      policy,
      changedAt: NOW - 60_000,
      regions: seen.map((_, r) => nameOf(r)),
    }),
  );
  return viewsOf(nameOf(region), order(sights), watched, NOW);
}
const regionsIn = (monitors: World) => (monitors[0]?.seen ?? []).map((_, index) => index);

/** Of some unrelated targets each seen by three regions: the first sees so many fail. */
function alone(failing: number, hosts: number, { othersAgo = 1_000, sinceAgo = 2_000 } = {}): View[] {
  const monitors = Array.from({ length: hosts }, (_, n) => ({
    host: n,
    seen: [
      { isWell: n >= failing, since: sinceAgo, checked: 500 },
      { isWell: true, since: 50_000, checked: othersAgo },
      { isWell: true, since: 50_000, checked: othersAgo },
    ],
  }));
  return viewsIn(monitors, 0);
}

/** Which regions are found to be in trouble in ten minutes in which every third check or so fails, wherever it is from. */
function accusedIn({ int, chance }: Random): string[] {
  const regions = [0, 1, 2];
  const watched = [0, 1, 2, 3, 4, 5].map(
    (n): Watched => ({ id: `m${n}`, host: `h${n}`, policy, changedAt: 0, regions: regions.map(nameOf) }),
  );
  const begin = 100_000_000;
  const latest = new Map<string, Sight>();
  const asked: Array<{ at: number; id: string }> = [];
  const due = watched.map(() => int(0, 59));
  function see(id: string, region: string, at: number, isWell: boolean): boolean {
    const was = latest.get(`${id} ${region}`);
    const since = was === undefined ? 0 : was.isWell === isWell ? was.since : at;
    const seen = { monitorId: id, region, isWell, since, scheduledAt: at - 5, checkedAt: at, address: null };
    latest.set(`${id} ${region}`, seen);
    return was?.isWell === true && !isWell;
  }
  for (const { id } of watched) for (const region of regions) see(id, nameOf(region), begin - 1_000, true);
  const accused: string[] = [];
  for (let second = 0; second < 600; second++) {
    const now = begin + second * 1_000;
    for (const { at, id } of asked)
      if (at === now) for (const region of regions) see(id, nameOf(region), now + region, chance(0.6));
    for (const [n, { id }] of watched.entries())
      for (const region of regions)
        if ((second + (due[n] ?? 0) + region * 20) % 60 === 0 && see(id, nameOf(region), now + 5, chance(0.6)))
          asked.push({ at: now + 1_000, id });
    const views = (region: string) => viewsOf(region, [...latest.values()], watched, now + 100);
    accused.push(...regions.map(nameOf).filter((region) => standingOf(views(region), true, now + 100).isBad));
  }
  return accused;
}

describe("a region", () => {
  test.each([
    [3, 3, true],
    [3, 6, true],
    [6, 6, true],
    [3, 7, false],
    [2, 2, false],
    [2, 4, false],
    [1, 6, false],
    [0, 6, false],
  ])("that alone sees %i of %i unrelated targets fail is in trouble: %s", (failing, hosts, isBad) => {
    expect(standingOf(alone(failing, hosts), true, NOW)).toEqual({
      alone: failing,
      compared: expect.any(Number),
      isBad,
    });
    expect(standingOf(alone(failing, hosts), false, NOW)).toEqual({ alone: failing, compared: hosts, isBad });
  });

  test("sees no host fail of which it sees anything well", () => {
    const views = alone(6, 6);
    const well = views
      .slice(0, 4)
      .map((view) => ({ ...view, monitorId: `other ${view.monitorId}`, own: { ...view.own, isWell: true } }));
    expect(standingOf([...views, ...well], true, NOW)).toEqual({ alone: 2, compared: 6, isBad: false });
  });

  test("is not in trouble by what others saw before it began to see them fail", () => {
    expect(standingOf(alone(6, 6, { othersAgo: 3_000 }), true, NOW)).toMatchObject({ alone: 0, isBad: false });
  });

  test("is found to be by what turned bad at once, and stays so by what is bad still", () => {
    const views = alone(6, 6, { sinceAgo: 40_000 });
    expect(standingOf(views, true, NOW).isBad).toBe(false);
    expect(standingOf(views, false, NOW).isBad).toBe(true);
  });

  test("sees one target fail where many names have one address, as another region found", () => {
    const sights = ["m0", "m1", "m2", "m3", "m4", "m5"].flatMap((id) => [
      sight(id, "r0", false, 2_000, 500),
      { ...sight(id, "r1", true, 50_000, 1_000), address: id === "m5" ? "198.51.100.9" : "192.0.2.7" },
      sight(id, "r2", true, 50_000, 1_000),
    ]);
    const watched = [0, 1, 2, 3, 4, 5].map(
      (n): Watched => ({ id: `m${n}`, host: `h${n}`, policy, changedAt: NOW - 60_000, regions: ["r0", "r1", "r2"] }),
    );
    expect(standingOf(viewsOf("r0", sights, watched, NOW), true, NOW)).toEqual({ alone: 2, compared: 2, isBad: false });
    const elsewhere = sights.map((one) => ({
      ...one,
      address: one.region === "r1" ? `192.0.2.${one.monitorId}` : null,
    }));
    expect(standingOf(viewsOf("r0", elsewhere, watched, NOW), true, NOW)).toMatchObject({ alone: 6, isBad: true });
  });

  test("has nothing said about it by many monitors of few hosts", () => {
    fc.assert(
      fc.property(world(3, fc.boolean()), (monitors) => {
        const few = monitors.map(({ host, seen }) => ({ host: host % 2, seen }));
        for (const region of regionsIn(few)) {
          expect(standingOf(viewsIn(few, region), true, NOW).isBad).toBe(false);
          expect(standingOf(viewsIn(few, region), false, NOW).isBad).toBe(false);
        }
      }),
    );
  });

  test("is never in trouble by an outage that all see, whoever sees it first", () => {
    fc.assert(
      fc.property(
        world(2, fc.constant(true)),
        fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }),
        fc.nat(),
        (monitors, out, first) => {
          const regions = regionsIn(monitors);
          const early = regions.length === 0 ? 0 : first % regions.length;
          // The others have seen it by now, or have not looked since.
          const seen = monitors.map(({ host, seen }) => ({
            host,
            seen: seen.map((one, region) =>
              out[host] && (region === early || one.checked < 10_000)
                ? { ...one, isWell: false, since: 10_000, checked: Math.min(one.checked, 9_000) }
                : one,
            ),
          }));
          for (const region of regions) {
            expect(standingOf(viewsIn(seen, region), true, NOW).isBad).toBe(false);
            expect(standingOf(viewsIn(seen, region), false, NOW).isBad).toBe(false);
          }
        },
      ),
    );
  });

  test("is not in trouble by a provider that lets some requests fail, of which each region sees others", () => {
    for (let seed = 1; seed <= 15; seed++) expect(accusedIn(createRandom(seed))).toEqual([]);
  });

  test("is never judged by one other alone", () => {
    fc.assert(
      fc.property(world(3, fc.boolean()), (monitors) => {
        const two = monitors.map(({ host, seen }) => ({ host, seen: seen.slice(0, 2) }));
        for (const region of [0, 1]) {
          const views = viewsIn(two, region);
          expect(standingOf(views, true, NOW).isBad || standingOf(views, false, NOW).isBad).toBe(false);
          expect(suspicionOf(views, NOW).isSuspect).toBe(false);
        }
      }),
    );
  });

  test("is judged the same in whatever order things are told", () => {
    fc.assert(
      fc.property(world(3, fc.boolean()), (monitors) => {
        const regions = regionsIn(monitors);
        for (const region of regions) {
          const views = viewsIn(monitors, region);
          const reversed = viewsIn(monitors, region, (sights) => [...sights].reverse()).reverse();
          for (const onset of [true, false]) {
            expect(standingOf(reversed, onset, NOW)).toEqual(standingOf(views, onset, NOW));
          }
          expect(suspicionOf(reversed, NOW).isSuspect).toBe(suspicionOf(views, NOW).isSuspect);
        }
      }),
    );
  });

  test("is in trouble only when the rest outvote all that seem to be", () => {
    expect(outvoted(["a"], 3)).toEqual(["a"]);
    expect(outvoted(["a", "b"], 5)).toEqual(["a", "b"]);
    for (const [found, voting] of [
      [1, 2],
      [2, 3],
      [2, 4],
      [4, 4],
    ] as const) {
      expect(outvoted(Array(found).fill("a"), voting)).toEqual([]);
    }
  });
});

describe("a suspicion", () => {
  test("falls on whoever alone sees one target fail, until it was asked about others", () => {
    const first = alone(1, 6, { sinceAgo: 400 });
    // Its other checks ended 500 ms ago, before this one began to fail.
    const one = first.map((view) => (view.own.isWell ? view : { ...view, own: { ...view.own, since: NOW - 400 } }));
    const { isSuspect, ask } = suspicionOf(one, NOW);
    expect(isSuspect).toBe(true);
    expect(ask).toHaveLength(4);
    expect(ask.every(({ own }) => own.isWell)).toBe(true);
    const answered = one.map((view) =>
      ask.includes(view) ? { ...view, own: { ...view.own, checkedAt: NOW - 100 } } : view,
    );
    expect(suspicionOf(answered, NOW)).toEqual({ isSuspect: false, ask: [] });
  });

  test("does not fall on one that has nothing else to be asked about, nor when most others see the same", () => {
    expect(suspicionOf(alone(1, 1), NOW).isSuspect).toBe(false);
    expect(suspicionOf(alone(2, 2), NOW).isSuspect).toBe(true);
    fc.assert(
      fc.property(world(3, fc.boolean()), (monitors) => {
        const shared = monitors.map(({ host, seen }) => ({
          host,
          seen: seen.map((one) => ({ ...one, isWell: host % 2 === 0 })),
        }));
        for (const region of regionsIn(shared)) expect(suspicionOf(viewsIn(shared, region), NOW).isSuspect).toBe(false);
      }),
    );
  });

  test("ends by itself after a few seconds", () => {
    expect(suspicionOf(alone(4, 6, { sinceAgo: 14_000 }), NOW).isSuspect).toBe(true);
    expect(suspicionOf(alone(4, 6, { sinceAgo: 16_000 }), NOW).isSuspect).toBe(false);
  });
});
