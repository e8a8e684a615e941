import { expect, test } from "vitest";
import { bearerMatches } from "../../../coordinator/http/token.ts";

test.each([
  ["Bearer right", true],
  ["bearer right", true],
  ["Bearer wrong", false],
  ["Bearer right ", false],
  ["Bearer ", false],
  ["Basic right", false],
  ["right", false],
  [undefined, false],
])("%s → %s", (header, matches) => {
  expect(bearerMatches(header, "right")).toBe(matches);
});
