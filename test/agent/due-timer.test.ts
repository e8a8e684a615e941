import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createDueTimer } from "../../agent/due-timer.ts";
import type { Clock } from "../../shared/clock.ts";

describe("the due timer", () => {
  /** What the corrected clock is ahead of the timers'. */
  let correction = 0;
  const clock: Clock = { now: () => Date.now() + correction, monotonic: () => Date.now() };
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000 });
    correction = 0;
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function hold(timer: ReturnType<typeof createDueTimer>, instant: number) {
    const held = { settled: null as boolean | null, at: 0 };
    void timer.until(instant).then((due) => Object.assign(held, { settled: due, at: clock.now() }));
    return held;
  }

  test("lets go at the instant, never early, whatever its fraction", async () => {
    const timer = createDueTimer(clock);
    const held = [0.2, 0.5, 1, 17.999, 750.001].map((ahead) => [ahead, hold(timer, 1_000_000 + ahead)] as const);
    await vi.advanceTimersByTimeAsync(1_000);
    for (const [ahead, { settled, at }] of held) {
      expect(settled).toBe(true);
      expect(at - 1_000_000).toBeGreaterThanOrEqual(ahead);
      expect(at - 1_000_000).toBeLessThan(ahead + 1);
    }
  });

  test("lets go at once what is due", async () => {
    expect(await createDueTimer(clock).until(1_000_000)).toBe(true);
    expect(await createDueTimer(clock).until(0)).toBe(true);
  });

  test("follows the clock's correction while it holds", async () => {
    const timer = createDueTimer(clock);
    const held = hold(timer, 1_010_000);
    await vi.advanceTimersByTimeAsync(2_000);
    correction = -5_000;
    await vi.advanceTimersByTimeAsync(9_000);
    expect(held.settled).toBeNull();
    correction = 0;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(held.settled).toBe(true);
  });

  test("lets everything go when it is closed, and all that comes later", async () => {
    const timer = createDueTimer(clock);
    const held = [hold(timer, 1_000_100), hold(timer, 1_060_000)];
    timer.close();
    await vi.advanceTimersByTimeAsync(0);
    expect(held.map(({ settled }) => settled)).toEqual([false, false]);
    expect(await timer.until(0)).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });
});
