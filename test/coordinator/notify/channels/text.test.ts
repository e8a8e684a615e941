import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  clean,
  escapeHtml,
  escapeMarkdown,
  escapeSlack,
  jsonBytes,
  plainId,
  shorten,
} from "../../../../coordinator/notify/channels/text.ts";

const anyText = fc.string({ unit: "binary", maxLength: 300 });
const escapes = fc.constantFrom(escapeHtml, escapeSlack, escapeMarkdown, (character: string) => character);
const sizes = fc.constantFrom(
  jsonBytes,
  (text: string) => text.length,
  (text: string) => Buffer.byteLength(text),
);

describe("shorten", () => {
  test("never goes beyond the size, and is the whole text where that fits", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 4, max: 400 }), escapes, sizes, (text, max, markup, size) => {
        const whole = text
          .split(/(\s)/)
          .flatMap((word) => {
            const characters = [...word];
            return characters.map((character, n) => markup(character, characters.slice(0, n).join("")));
          })
          .join("");
        const short = shorten(text, max, { markup, size });
        expect(size(short)).toBeLessThanOrEqual(Math.max(max, size(whole) <= max ? size(whole) : 0));
        if (short !== whole) {
          expect(short.endsWith("…")).toBe(true);
          expect(whole.startsWith(short.slice(0, -1))).toBe(true);
        }
      }),
    );
  });

  test("cuts between characters and between what they become", () => {
    expect(shorten("🧨🧨🧨", 5)).toBe("🧨🧨…");
    expect(shorten("a<<<", 9, { markup: escapeHtml })).toBe("a&lt;…");
    expect(shorten("a<<", 9, { markup: escapeHtml })).toBe("a&lt;&lt;");
    expect(shorten("ééé", 5, { size: Buffer.byteLength })).toBe("é…");
  });
});

test.each([
  ["line breaks and tabs", "a\r\n\tb", "a b"],
  ["control characters", "a\0\u001b[31mb\u0085c", "a [31mb c"],
  ["what turns writing around", "invoice\u202efdp.exe\u2066x\u2069\u200f", "invoicefdp.exex"],
  ["half a character", "a\ud800b\udc00", "a\ufffdb\ufffd"],
  ["spaces around", "  a  ", "a"],
])("clean takes %s out", (_what, text, cleaned) => expect(clean(text)).toBe(cleaned));

test.each([
  [
    "_a_ **b** `c` ||d|| ~e~ # f <g> [h](i)",
    "\\_a\\_ \\*\\*b\\*\\* \\`c\\` \\|\\|d\\|\\| \\~e\\~ \\# f \\<g\\> \\[h\\](i)",
  ],
  ["http https://x.example/~a/_b_/c#d; e_f", "http https://x.example/~a/_b_/c#d; e\\_f"],
  ["https://x.example/@here", "https://x.example/@\u200bhere"],
])("as Markdown, %s is text, and addresses stay links", (text, markdown) => {
  expect(shorten(text, 200, { markup: escapeMarkdown })).toBe(markdown);
});

test("plainId keeps an id that is fit for anything, and hashes any other", () => {
  expect(plainId("inc_4k2j-A")).toBe("inc_4k2j-A");
  for (const id of ["", "a.b", "a b", "../x", "é", "a\n", "k".repeat(256)])
    expect(plainId(id)).toMatch(/^[0-9a-f]{64}$/);
  expect(plainId("a b")).not.toBe(plainId("a  b"));
});
