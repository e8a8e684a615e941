import { expect, test } from "vitest";
import { createQuestionLimit, MAX_QUESTIONS } from "../../../coordinator/dispatch/question-limit.ts";

test("of one monitor so many questions a minute are let through, of others as many", () => {
  let now = 5_000;
  const limit = createQuestionLimit({ monotonic: () => now });
  const allowed = (id: string, seconds: number) => {
    let count = 0;
    for (let n = 0; n < seconds; n++, now += 1_000) if (limit.allows(id)) count++;
    return count;
  };
  expect(allowed("mon_a", 60)).toBe(MAX_QUESTIONS);
  expect(limit.allows("mon_b")).toBe(true);
  // However long it goes on, no minute has more.
  expect(allowed("mon_a", 600)).toBe(10 * MAX_QUESTIONS);
  now += 60_000;
  expect(allowed("mon_a", MAX_QUESTIONS)).toBe(MAX_QUESTIONS);
  expect(limit.allows("mon_a")).toBe(false);
});
