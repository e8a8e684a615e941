import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { RefusedByCoordinator } from "../../agent/refused.ts";
import { createSteadfastAgent } from "../../agent/steadfast.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Supervisor } from "../../shared/systemd.ts";
import { until } from "../support/until.ts";

type News = Parameters<Supervisor["tell"]>[0];

/** An agent that ends as the test says, and what is told of it. */
function world({
  startFails,
  starting,
  stopping,
  baseMs = 20,
}: {
  startFails?: () => Error | null;
  starting?: (number: number) => Promise<void>;
  stopping?: () => Promise<void>;
  baseMs?: number;
} = {}) {
  const events: string[] = [];
  const told: News[] = [];
  let fail: (thrown: unknown) => void = () => undefined;
  let builds = 0;
  const supervisor: Supervisor = { patienceMs: 100, tell: async (news) => void told.push(news) };
  const part = createSteadfastAgent({
    build(its): Part {
      const number = ++builds;
      const ended = new Promise<void>((_, reject) => {
        fail = reject;
      });
      ended.catch(() => undefined);
      return {
        ended,
        async start() {
          const failure = startFails?.();
          if (failure) throw failure;
          await starting?.(number);
          events.push(`start ${number}`);
        },
        async stop() {
          await its?.tell({ stopping: true });
          await stopping?.();
          events.push(`stop ${number}`);
        },
      };
    },
    onRefused: (reason) => ({
      start: async () => void events.push(`waits: ${reason}`),
      stop: async () => void events.push("goes on"),
    }),
    supervisor,
    logger: pino({ level: "silent" }),
    backoff: { baseMs, capMs: 60_000 },
  });
  return { part, events, told, fail: (thrown: unknown) => fail(thrown) };
}

let running: Part | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

test.each([new RefusedByCoordinator("HTTP status 401"), new Error("WRONGPASS invalid username-password pair")])(
  "a refused agent stops its work, waits, and comes back: %o",
  async (refusal) => {
    const { part, events, told, fail } = world();
    running = part;
    await part.start();
    fail(refusal);
    await until(
      () => events,
      (all) => all.includes("start 2"),
    );
    expect(events).toEqual(["start 1", "stop 1", `waits: ${refusal.message}`, "goes on", "start 2"]);
    expect(told.some(({ stopping }) => stopping)).toBe(false);
    expect(told).toContainEqual({ ready: true, alive: true, status: `refused, and waiting: ${refusal.message}` });
  },
);

test("one that is refused from the first counts as started, and its supervisor is told that it waits", async () => {
  let failures = 2;
  const { part, events, told } = world({
    startFails: () => (failures-- > 0 ? new RefusedByCoordinator("HTTP status 401") : null),
  });
  running = part;
  await part.start();
  expect(told).toContainEqual(expect.objectContaining({ ready: true }));
  await until(
    () => events.at(-1),
    (last) => last === "start 3",
  );
});

test("one that is refused while it starts is stopped at once, and the next waits for its start to end", async () => {
  let began = 0;
  let goOn: () => void = () => undefined;
  const { part, events, fail } = world({
    starting: () => (began++ === 0 ? new Promise<void>((resolve) => (goOn = resolve)) : Promise.resolve()),
  });
  running = part;
  const started = part.start();
  fail(new RefusedByCoordinator("no"));
  await started;
  await until(
    () => events.at(-1),
    (last) => last === "goes on",
  );
  expect(events).toEqual(["stop 1", "waits: no", "goes on"]);
  goOn();
  await until(
    () => events.at(-1),
    (last) => last === "start 2",
  );
  expect(events.slice(3)).toEqual(["start 1", "stop 1", "start 2"]);
});

test("its supervisor is told on while it takes long to begin again", async () => {
  const never = new Promise<void>(() => undefined);
  const { part, told, fail } = world({ starting: (number) => (number === 1 ? Promise.resolve() : never) });
  await part.start();
  fail(new RefusedByCoordinator("HTTP status 401"));
  await until(
    () => told.filter(({ status, alive }) => status === "beginning again" && alive),
    ({ length }) => length > 2,
  );
});

test("its supervisor is told on while it takes long to end its work", async () => {
  let goOn: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const { part, told, fail } = world({ stopping: () => held });
  await part.start();
  fail(new RefusedByCoordinator("HTTP status 401"));
  await until(
    () => told.filter(({ status, alive }) => status === "refused, and ending its work" && alive),
    ({ length }) => length > 2,
  );
  goOn();
});

test("what is no refusal ends it, at the start and later", async () => {
  const cannot = world({ startFails: () => new Error("port 8081 is in use") });
  await expect(cannot.part.start()).rejects.toThrow("port 8081 is in use");
  const later = world();
  await later.part.start();
  later.fail(new Error("out of everything"));
  await expect(later.part.ended).rejects.toThrow("out of everything");
});

test("it can be stopped while it works and while it waits", async () => {
  const working = world();
  await working.part.start();
  await working.part.stop();
  expect(working.events).toEqual(["start 1", "stop 1"]);
  expect(working.told.at(-1)).toEqual({ stopping: true });
  const waiting = world({ baseMs: 60_000 });
  await waiting.part.start();
  waiting.fail(new RefusedByCoordinator("no"));
  await until(
    () => waiting.events,
    (all) => all.includes("waits: no"),
  );
  await waiting.part.stop();
  await waiting.part.ended;
  expect(waiting.events.filter((event) => event.startsWith("start"))).toEqual(["start 1"]);
});
