import { spreadOf } from "../statistics.ts";

const rate = Number(process.env.RATE);
const seconds = Number(process.env.SECONDS);
const INTERVAL_MS = 1_000;
const begin = performance.now() + 200;
const end = begin + seconds * 1_000;

const late: number[] = [];

/** Timers cut fractions of ms and would fire early by them. */
function wait(due: number): void {
  if (due >= end) return;
  setTimeout(
    () => {
      late.push(performance.now() - due);
      wait(due + INTERVAL_MS);
    },
    Math.ceil(due - performance.now()),
  );
}

for (let n = 0; n < rate; n++) wait(begin + (n * INTERVAL_MS) / rate);
setTimeout(() => process.send?.(spreadOf(late)), end + 300 - performance.now());
process.on("disconnect", () => process.exit(0));
