import { expect, test } from "vitest";
import { createPhaseTimer } from "../../../agent/net/phases.ts";

function timerAt(...readings: number[]) {
  return createPhaseTimer(() => readings.shift() as number);
}

test("phases follow each other without gaps and sum to the latency", () => {
  const timer = timerAt(100, 103.25, 110, 131.5);
  timer.enter("dnsMs");
  timer.enter("connectMs");
  timer.enter("firstByteMs");
  expect(timer.current).toBe("firstByteMs");
  expect(timer.stop()).toEqual({ latencyMs: 31.5, phases: { dnsMs: 3.25, connectMs: 6.75, firstByteMs: 21.5 } });
});

test("a phase that is entered again adds up", () => {
  const timer = timerAt(0, 1, 3, 6, 10);
  timer.enter("connectMs");
  timer.enter("firstByteMs");
  timer.enter("connectMs");
  timer.enter("firstByteMs");
  expect(timer.stop()).toEqual({ latencyMs: 10, phases: { connectMs: 4, firstByteMs: 6 } });
});

test("without a phase there is no latency", () => {
  expect(timerAt(5).stop()).toEqual({ latencyMs: 0, phases: {} });
});
