import { beforeEach, expect, test } from "vitest";
import { createLiveness } from "../../agent/liveness.ts";

const worker = { progress: 0, saturated: false, work: "taking" as "taking" | "finishing" | "idle" };
let now = 0;
let isServerThere = true;
let isAlive: () => Promise<boolean>;

beforeEach(() => {
  Object.assign(worker, { progress: 1, saturated: false, work: "taking" });
  now = 1_000;
  isServerThere = true;
  isAlive = createLiveness({ worker, isQueueServerThere: async () => isServerThere, monotonic: () => now });
});

const after = (ms: number) => {
  now += ms;
  return isAlive();
};

test("a worker whose fetches end is alive, also when they find nothing", async () => {
  for (let fetches = 0; fetches < 5; fetches++) {
    worker.progress++;
    expect(await after(10_000)).toBe(true);
  }
});

test("a worker that stopped fetching although it could is not", async () => {
  expect(await after(10_000)).toBe(true);
  expect(await after(10_000)).toBe(true);
  expect(await after(10_000)).toBe(false);
  worker.progress++;
  expect(await after(10_000)).toBe(true);
});

test("a queue server that is away is no reason to start again", async () => {
  isServerThere = false;
  await after(10_000);
  expect(await after(60_000)).toBe(true);
  isServerThere = true;
  expect(await after(1)).toBe(false);
});

test("a worker that is not to fetch is alive, and has time when it is to again", async () => {
  worker.work = "idle";
  expect(await after(600_000)).toBe(true);
  worker.work = "taking";
  expect(await after(10_000)).toBe(true);
  expect(await after(10_000)).toBe(false);
});

test("a full worker has as long as a check may take", async () => {
  worker.saturated = true;
  await after(0);
  expect(await after(140_000)).toBe(true);
  expect(await after(20_000)).toBe(false);
});
