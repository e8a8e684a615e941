import { expect, test } from "vitest";
import { createLimiter } from "../../agent/limiter.ts";

test("lets in as many as it may, and the rest in the order they came", async () => {
  const limiter = createLimiter(2);
  const admitted: number[] = [];
  const comers = [1, 2, 3, 4, 5].map(async (who) => {
    if (await limiter.enter()) admitted.push(who);
  });
  await Promise.resolve();
  await Promise.resolve();
  expect([admitted, limiter.inside, limiter.waiting]).toEqual([[1, 2], 2, 3]);
  limiter.leave();
  await comers[2];
  expect([admitted, limiter.inside, limiter.waiting]).toEqual([[1, 2, 3], 2, 2]);
  limiter.leave();
  limiter.leave();
  await Promise.all(comers);
  expect([admitted, limiter.inside, limiter.waiting]).toEqual([[1, 2, 3, 4, 5], 2, 0]);
  limiter.leave();
  limiter.leave();
  expect(limiter.inside).toBe(0);
});

test("turns away who waits and who comes when it is closed", async () => {
  const limiter = createLimiter(1);
  expect(await limiter.enter()).toBe(true);
  const waiting = limiter.enter();
  limiter.close();
  expect(await waiting).toBe(false);
  expect(await limiter.enter()).toBe(false);
  expect([limiter.inside, limiter.waiting]).toEqual([1, 0]);
});
