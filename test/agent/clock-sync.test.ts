import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createClockSync } from "../../agent/clock-sync.ts";

/** Two machines and a network between them, in simulated time. */
function simulation(ahead: number) {
  let time = 1_000;
  let step = 0;
  const system = { now: () => 1_800_000_000_000 + time + step, monotonic: () => time };
  const coordinatorNow = () => 1_800_000_000_000 + time - ahead;
  const sync = createClockSync(system);
  return {
    sync,
    coordinatorNow,
    pass(ms: number) {
      time += ms;
    },
    /** Sets the machine's clock. */
    setClock(by: number) {
      step += by;
    },
    exchange(outMs: number, backMs: number, busyMs = 0) {
      const t0 = system.now();
      time += outMs;
      const t1 = coordinatorNow();
      time += busyMs;
      const t2 = coordinatorNow();
      time += backMs;
      sync.add({ t0, t1, t2, t3: system.now() });
    },
  };
}

describe("the clock estimate", () => {
  test("is the machine's own clock before the first sample", () => {
    const { sync, coordinatorNow } = simulation(5_000);
    expect(sync.estimate()).toBeNull();
    expect(sync.clock.now() - coordinatorNow()).toBe(5_000);
  });

  test("corrects the clock, and is exact when both ways take as long", () => {
    const { sync, coordinatorNow, exchange } = simulation(5_000);
    exchange(20, 20, 3);
    expect(sync.estimate()).toMatchObject({ offsetMs: 5_000, errorMs: 20 });
    expect(sync.clock.now()).toBe(coordinatorNow());
  });

  test("goes by the shortest round trip of late", () => {
    const { sync, exchange } = simulation(-300);
    exchange(5, 5);
    for (let sample = 0; sample < 6; sample++) exchange(200, 1);
    expect(sync.estimate()).toMatchObject({ offsetMs: -300 });
  });

  test("forgets samples in time", () => {
    const { sync, exchange } = simulation(0);
    exchange(1, 1);
    for (let sample = 0; sample < 8; sample++) exchange(30, 10);
    expect(sync.estimate()?.errorMs).toBeGreaterThan(19);
  });

  test("is void when the machine's clock is set, until the next sample", () => {
    const { sync, coordinatorNow, exchange, setClock } = simulation(60_000);
    exchange(10, 10);
    setClock(-60_000);
    expect(sync.estimate()).toBeNull();
    expect(sync.clock.now()).toBe(coordinatorNow());
    exchange(10, 10);
    expect(sync.estimate()).toMatchObject({ offsetMs: 0 });
  });

  test("takes no nonsense", () => {
    const { sync } = simulation(0);
    sync.add({ t0: 10, t1: 5, t2: 50, t3: 20 });
    sync.add({ t0: 10, t1: 15, t2: 12, t3: 20 });
    sync.add({ t0: 10, t1: Number.NaN, t2: Number.NaN, t3: 20 });
    expect(sync.estimate()).toBeNull();
  });

  test("is never further off than its error says", () => {
    const delay = fc.double({ min: 0, max: 2_000, noNaN: true });
    fc.assert(
      fc.property(
        fc.integer({ min: -1e7, max: 1e7 }),
        fc.array(fc.record({ out: delay, back: delay, pause: delay }), { minLength: 1, maxLength: 20 }),
        (ahead, exchanges) => {
          const { sync, exchange, pass } = simulation(ahead);
          for (const { out, back, pause } of exchanges) {
            exchange(out, back);
            pass(pause);
            const estimate = sync.estimate();
            expect(Math.abs((estimate?.offsetMs ?? Number.NaN) - ahead)).toBeLessThanOrEqual(
              (estimate?.errorMs ?? 0) + 0.01,
            );
          }
        },
      ),
    );
  });
});
