import { expect, test } from "vitest";
import { z } from "zod";
import type { Problem } from "../../../coordinator/http/problem.ts";
import { validate } from "../../../coordinator/http/validate.ts";
import { monitorDocument } from "../../../shared/monitor.ts";

const tcp = { name: "A", type: "tcp", tcp: { host: "a.example", port: 1 } };

/** What is said of a document, one rule a line. */
function complaints(schema: z.ZodType, value: unknown): string[] {
  try {
    validate(schema, value);
    return [];
  } catch (thrown) {
    return (thrown as Problem).errors.map(({ field, rule }) => `${field} ${rule}`.trim());
  }
}

test.each([
  [[], ["must be an object"]],
  ["text", ["must be an object"]],
  [{ name: "A" }, ["type must be http or tcp"]],
  [{ type: "tcp" }, ["name must be given", "tcp must be given"]],
  [{ ...tcp, tcp: { host: "a.example" } }, ["tcp.port must be given"]],
  [{ ...tcp, tcp: { host: "a.example", port: "1" } }, ["tcp.port must be a number"]],
  [{ ...tcp, tcp: { host: "a.example", port: 1.5 } }, ["tcp.port must be a whole number"]],
  [
    { ...tcp, enabled: "yes", tags: "x", slo: "high" },
    ["enabled must be true or false", "tags must be a list", "slo must be a number"],
  ],
  [{ ...tcp, regions: [] }, ["regions must not be empty"]],
  [{ ...tcp, intervall: "30s" }, ["intervall is not a known field"]],
  [
    { ...tcp, assertions: [{ source: "latency" }, { source: "latencyMs", op: "below", value: -1 }] },
    [
      "assertions.0.source must be status, latencyMs, bodyBytes, body or header",
      "assertions.1.op must be eq, ne, lt, lte, gt or gte",
      "assertions.1.value must be at least 0",
    ],
  ],
])("says of %j in words what is wrong", (document, said) => {
  expect(complaints(monitorDocument, document)).toEqual(said);
});

test("says sizes of lists, texts and numbers", () => {
  const schema = z.object({
    list: z.array(z.int()).min(2).max(3),
    text: z.string().min(2),
    open: z.number().gt(1).lt(5),
  });
  expect(complaints(schema, { list: [1], text: "a", open: 1 })).toEqual([
    "list must hold at least 2",
    "text must have at least 2 characters",
    "open must be more than 1",
  ]);
  expect(complaints(schema, { list: [1, 2, 3, 4], text: "ab", open: 5 })).toEqual([
    "list must hold at most 3",
    "open must be less than 5",
  ]);
});
