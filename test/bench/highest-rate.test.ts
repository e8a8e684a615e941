import { expect, test } from "vitest";
import { findHighestRate } from "./highest-rate.ts";

/** Keeps every rate up to a limit and remembers what it was asked. */
function upTo(limit: number) {
  const asked: number[] = [];
  const isKept = async (rate: number) => {
    asked.push(rate);
    return rate <= limit ? `seen ${rate}` : null;
  };
  return { asked, isKept };
}

test.each([
  [450, [100, 300, 500, 400], { rate: 400, seen: "seen 400" }],
  [350, [100, 300, 500, 400], { rate: 300, seen: "seen 300" }],
  [50, [100], null],
  [9_999, [100, 300, 500, 700], { rate: 700, seen: "seen 700" }],
])("with a limit of %i", async (limit, expected, best) => {
  const { asked, isKept } = upTo(limit);
  expect(await findHighestRate({ rates: [100, 300, 500, 700], isKept, withinMs: 60_000 })).toEqual(best);
  expect(asked).toEqual(expected);
});

test("begins no further rate when time is up", async () => {
  const { asked, isKept } = upTo(9_999);
  expect(await findHighestRate({ rates: [100, 300], isKept, withinMs: 0 })).toBeNull();
  expect(asked).toEqual([]);
});
