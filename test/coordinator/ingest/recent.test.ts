import { expect, test } from "vitest";
import { createRecentKeys } from "../../../coordinator/ingest/recent.ts";

test("a key is new once, until it is removed", () => {
  const keys = createRecentKeys({ perGeneration: 10, maxAgeMs: 1_000, now: () => 0 });
  expect([keys.add("a"), keys.add("a"), keys.add("b")]).toEqual([true, false, true]);
  keys.remove("a");
  expect(keys.add("a")).toBe(true);
});

test("a key is remembered for its age and forgotten after twice that", () => {
  let now = 0;
  const keys = createRecentKeys({ perGeneration: 10, maxAgeMs: 1_000, now: () => now });
  keys.add("a");
  now = 1_000;
  expect(keys.add("a")).toBe(false);
  now = 2_000;
  keys.add("b");
  expect(keys.add("a")).toBe(true);
});

test("memory is bounded: the oldest generation goes when the younger is full", () => {
  const keys = createRecentKeys({ perGeneration: 2, maxAgeMs: 1e9, now: () => 0 });
  for (const key of ["a", "b", "c", "d", "e"]) keys.add(key);
  expect([keys.add("c"), keys.add("a")]).toEqual([false, true]);
});
