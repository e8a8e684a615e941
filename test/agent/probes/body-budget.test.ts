import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { createBodyBudget } from "../../../agent/probes/body-budget.ts";
import { createBodyReader } from "../../../agent/probes/http-body.ts";

const MB = 2 ** 20;

function open(budget = createBodyBudget(16 * MB), contentEncoding: string | null = null) {
  const reader = createBodyReader({ contentEncoding, maxBytes: 10 * MB, keep: true, budget });
  const done = new Promise<unknown>((resolve) => {
    reader.onDone = resolve;
  });
  return { reader, done };
}

const noRoom = expect.objectContaining({ code: "agent_resources", message: "the agent holds 16 MB of bodies already" });

describe("the budget of bodies", () => {
  test("refuses a body that does not fit beside the others, and has room for it afterwards", async () => {
    const budget = createBodyBudget(16 * MB);
    const first = open(budget);
    first.reader.write(Buffer.alloc(9 * MB, "a"));
    const second = open(budget);
    second.reader.write(Buffer.alloc(9 * MB, "b"));
    expect(await second.done).toEqual(noRoom);
    second.reader.close();
    first.reader.end();
    expect(await first.done).toBeUndefined();
    expect(first.reader.text(null)).toHaveLength(9 * MB);
    const third = open(budget);
    third.reader.write(Buffer.alloc(9 * MB, "c"));
    third.reader.end();
    expect(await third.done).toBeUndefined();
  });

  test.each([null, "gzip"])("gets back what a body took that is given up midway, encoded: %s", async (encoding) => {
    const budget = createBodyBudget(16 * MB);
    const bytes = randomBytes(9 * MB);
    for (let round = 0; round < 5; round++) {
      const { reader, done } = open(budget, encoding);
      reader.write(encoding === null ? bytes : gzipSync(bytes, { level: 0 }));
      reader.close();
      expect(await done).toBeUndefined();
    }
  });

  test("counts what waits to be decompressed", async () => {
    const budget = createBodyBudget(16 * MB);
    const zipped = gzipSync(randomBytes(9 * MB), { level: 0 });
    const first = open(budget, "gzip");
    first.reader.write(zipped);
    const second = open(budget, "gzip");
    second.reader.write(zipped);
    expect(await second.done).toEqual(noRoom);
    first.reader.close();
  });

  test("never refuses small bodies", async () => {
    const budget = createBodyBudget(16 * MB);
    const large = open(budget);
    for (let n = 0; n < 10; n++) large.reader.write(Buffer.alloc(MB, "a"));
    const small = Array.from({ length: 500 }, () => open(budget));
    for (const { reader } of small) reader.write(Buffer.alloc(65_536, "b"));
    for (const { reader, done } of small) {
      reader.end();
      expect(await done).toBeUndefined();
    }
  });
});
