import { expect, test } from "vitest";
import { createBatcher } from "../../../coordinator/ingest/batcher.ts";

/** A receiver that lets the test decide when and how each batch ends. */
function receiver() {
  const batches: Array<{ items: readonly number[]; accept: () => void; refuse: (reason: Error) => void }> = [];
  let arrived = (): void => undefined;
  return {
    batches,
    send: (items: readonly number[]) =>
      new Promise<void>((accept, refuse) => {
        batches.push({ items, accept, refuse });
        arrived();
      }),
    next: async () => {
      if (batches.length === 0) await new Promise<void>((resolve) => (arrived = resolve));
      return batches.shift() as (typeof batches)[number];
    },
  };
}

const options = { maxItems: 3, maxWaitMs: 5 };

test("items given one by one come together in one batch, and each waits for it", async () => {
  const { send, next } = receiver();
  const batcher = createBatcher({ ...options, send });
  const added = Promise.all([batcher.add([1]), batcher.add([2])]);
  const batch = await next();
  expect(batch.items).toEqual([1, 2]);
  batch.accept();
  await added;
});

test("a full batch goes at once, without waiting for more", async () => {
  const { send, next } = receiver();
  const batcher = createBatcher({ ...options, maxWaitMs: 1e9, send });
  const added = Promise.all([batcher.add([1]), batcher.add([2]), batcher.add([3])]);
  (await next()).accept();
  await added;
});

test("one batch is under way at a time; what comes meanwhile makes the next one", async () => {
  const { batches, send, next } = receiver();
  const batcher = createBatcher({ ...options, send });
  const first = batcher.add([1, 2, 3]);
  const one = await next();
  const rest = Promise.all([batcher.add([4, 5]), batcher.add([6, 7]), batcher.add([8])]);
  expect(batches).toEqual([]);
  one.accept();
  await first;
  const two = await next();
  expect(two.items).toEqual([4, 5, 6, 7]);
  two.accept();
  const three = await next();
  expect(three.items).toEqual([8]);
  three.accept();
  await rest;
});

test("a batch that is refused rejects those who gave it, and the next goes on", async () => {
  const { send, next } = receiver();
  const batcher = createBatcher({ ...options, send });
  const lost = batcher.add([1, 2, 3]);
  const kept = batcher.add([4]);
  (await next()).refuse(new Error("full"));
  await expect(lost).rejects.toThrow("full");
  (await next()).accept();
  await kept;
});

test("batches that are not full keep their distance, full ones do not", async () => {
  const { batches, send, next } = receiver();
  const batcher = createBatcher({ ...options, everyMs: 1e9, send });
  const first = batcher.add([1]);
  (await next()).accept();
  await first;
  const kept = batcher.add([2]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(batches).toEqual([]);
  const full = batcher.add([3, 4]);
  (await next()).accept();
  await Promise.all([kept, full]);
});

test("draining sends what is there and waits for it", async () => {
  const { send, next } = receiver();
  const batcher = createBatcher({ ...options, maxWaitMs: 1e9, send });
  const added = batcher.add([1]);
  const drained = batcher.drain();
  (await next()).accept();
  await Promise.all([added, drained]);
});
