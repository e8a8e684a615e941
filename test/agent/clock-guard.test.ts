import { describe, expect, test } from "vitest";
import { createClockGuard } from "../../agent/clock-guard.ts";
import { createClockSync } from "../../agent/clock-sync.ts";

/** A machine and its coordinator in simulated time, with clocks that can be set. */
function simulation() {
  let time = 1_000;
  let machine = 0;
  let coordinator = 0;
  const system = { now: () => 1_800_000_000_000 + time + machine, monotonic: () => time };
  const sync = createClockSync(system);
  return {
    guard: createClockGuard(sync, system.monotonic),
    /** How far the corrected clock is off. */
    wrongBy: () => sync.clock.now() - (1_800_000_000_000 + time + coordinator),
    pass: (ms: number) => {
      time += ms;
    },
    setMachine: (by: number) => {
      machine += by;
    },
    setCoordinator: (by: number) => {
      coordinator += by;
    },
    sample(roundTripMs = 20, count = 1) {
      for (let taken = 0; taken < count; taken++) {
        const t0 = system.now();
        time += roundTripMs / 2;
        const t1 = 1_800_000_000_000 + time + coordinator;
        time += roundTripMs / 2;
        sync.add({ t0, t1, t2: t1, t3: system.now() });
      }
    },
  };
}

const HOUR_MS = 3_600_000;

describe("the clock", () => {
  test("cannot be corrected before the first sample, and can with it", () => {
    const { guard, sample } = simulation();
    expect(guard()).toBe("no sample of the coordinator's clock yet");
    sample();
    expect(guard()).toBeNull();
  });

  test("may be off by hours, as long as the samples are good", () => {
    const { guard, sample, setMachine, wrongBy } = simulation();
    setMachine(-7 * HOUR_MS);
    sample();
    expect(guard()).toBeNull();
    expect(wrongBy()).toBe(0);
  });

  test("is gone by for hours while the coordinator is away, and not for ever", () => {
    const { guard, sample, pass } = simulation();
    sample(10);
    pass(4 * HOUR_MS);
    expect(guard()).toBeNull();
    pass(HOUR_MS);
    expect(guard()).toBeNull();
    pass(15_000);
    expect(guard()).toMatch(/^the clock may be off by 5\d\d ms, more than 500 ms$/);
    sample(10);
    expect(guard()).toBeNull();
  });

  test("is refused at once when the first samples tell too little, and until one tells clearly more", () => {
    const { guard, sample } = simulation();
    sample(1_200);
    expect(guard()).toBe("the clock may be off by 600 ms, more than 500 ms");
    sample(900);
    expect(guard()).toContain("450 ms");
    sample(700);
    expect(guard()).toBeNull();
  });

  test("is gone by through a while of slow answers", () => {
    const { guard, sample, pass } = simulation();
    sample(20);
    const said = Array.from({ length: 25 }, () => {
      pass(200);
      sample(1_400);
      return guard();
    });
    // The good sample counts while it is among the last eight, and then the patience begins.
    expect(said.findIndex((trouble) => trouble !== null)).toBe(7 + 10);
    expect(said.at(-1)).toContain("the clock may be off by 7");
  });

  test("is measured anew when the machine's clock was set, and right again after three samples that agree", () => {
    const { guard, sample, setMachine, wrongBy } = simulation();
    sample();
    setMachine(HOUR_MS);
    expect(guard()).toBe("no sample of the coordinator's clock since this machine's clock was set");
    sample(20, 2);
    expect(guard()).toBe("the clock's offset has jumped, and is being measured anew");
    sample();
    expect(guard()).toBeNull();
    expect(wrongBy()).toBe(0);
  });

  test("is measured anew when the coordinator's clock was set", () => {
    const { guard, sample, setCoordinator, wrongBy } = simulation();
    sample(20, 8);
    setCoordinator(-700);
    sample();
    expect(guard()).toBe("the clock's offset has jumped, and is being measured anew");
    sample(20, 2);
    expect(guard()).toBeNull();
    expect(wrongBy()).toBe(0);
  });

  test("follows small contradictions without a refusal", () => {
    const { guard, sample, setCoordinator, wrongBy } = simulation();
    sample(2, 8);
    setCoordinator(60);
    sample(8);
    expect(guard()).toBeNull();
    expect(wrongBy()).toBe(0);
  });

  test("that jumps again and again is refused until it has kept still for a minute", () => {
    const { guard, sample, setMachine, pass } = simulation();
    sample();
    for (let jumps = 0; jumps < 3; jumps++) {
      setMachine(5_000);
      sample(20, 4);
      pass(5_000);
    }
    expect(guard()).toBe("the clock's offset jumped 3 times within 60 s");
    pass(30_000);
    sample();
    expect(guard()).not.toBeNull();
    pass(30_000);
    sample();
    expect(guard()).toBeNull();
  });
});
