import { pino } from "pino";
import { expect, test } from "vitest";
import type { Part } from "../../shared/lifecycle.ts";
import { inSequence } from "../../shared/lifecycle.ts";

const logger = pino({ level: "silent" });

/** A part that says what becomes of it. */
const telling = (
  name: string,
  events: string[],
  start: () => Promise<void> = async () => undefined,
): readonly [string, Part] => [
  name,
  {
    async start() {
      await start();
      events.push(`${name} started`);
    },
    stop: async () => void events.push(`${name} stopped`),
  },
];

test("parts start in order and stop in reverse", async () => {
  const events: string[] = [];
  const all = inSequence([telling("a", events), telling("b", events)], logger);
  await all.start();
  await all.stop();
  expect(events).toEqual(["a started", "b started", "b stopped", "a stopped"]);
});

test("when one fails to start, those before it are stopped and the failure is thrown", async () => {
  const events: string[] = [];
  const fails = async () => {
    throw new Error("no");
  };
  const all = inSequence([telling("a", events), telling("b", events, fails), telling("c", events)], logger);
  await expect(all.start()).rejects.toThrow("no");
  expect(events).toEqual(["a started", "a stopped"]);
});

test("a stop while they start gives up the part whose turn it is, and no other is started", async () => {
  const events: string[] = [];
  let giveUp: () => void = () => undefined;
  const slow: Part = {
    start: () =>
      new Promise((_, reject) => {
        giveUp = () => reject(new Error("given up"));
        events.push("b starts");
      }),
    stop: async () => void events.push("b stopped"),
    abort: () => giveUp(),
  };
  const all = inSequence([telling("a", events), ["b", slow], telling("c", events)], logger);
  const starting = all.start();
  starting.catch(() => undefined);
  await expect.poll(() => events).toContain("b starts");
  await all.stop();
  await expect(starting).rejects.toThrow("given up");
  expect(events).toEqual(["a started", "b starts", "a stopped"]);
});
