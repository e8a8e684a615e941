import { expect, test } from "vitest";
import { warningIn } from "../../../../coordinator/cli/start/child-program.ts";

test.each([
  ['{"level":"info","time":"…","name":"agent","msg":"fine"}', null],
  [
    '{"level":"warn","time":"…","name":"agent","region":"eu-west","msg":"odd","reason":"so","n":2}',
    "odd (reason: so, n: 2)",
  ],
  ['{"level":"error","msg":"bad"}', "bad"],
  ["watchpost: PORT must be a number", "PORT must be a number"],
  ["TypeError: x is not a function", "TypeError: x is not a function"],
  ["    at run (file.js:1:1)", null],
  ["", null],
  ["null", null],
  ['{"level":"error","msg":"cut o', null],
])("of the line %s people are told %s", (line, told) => {
  expect(warningIn(line)).toBe(told);
});
