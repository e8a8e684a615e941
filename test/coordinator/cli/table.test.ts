import { expect, it } from "vitest";
import { oneLine, renderTable, statusColor } from "../../../coordinator/cli/table.ts";

const columns = [
  { title: "NAME", value: ({ name }: { name: string }) => name },
  { title: "MS", align: "right" as const, value: ({ ms }: { ms: number }) => String(ms) },
  {
    title: "STATE",
    value: ({ state }: { state: string }) => state,
    color: (row: { state: string }) => statusColor(row.state),
  },
];
const rows = [
  { name: "Bücher", ms: 5, state: "up" },
  { name: "a", ms: 1234, state: "down" },
];

it("aligns columns under their titles and leaves no blanks at line ends", () => {
  expect(renderTable(columns, rows, false)).toBe("NAME      MS  STATE\nBücher     5  up\na       1234  down\n");
  expect(renderTable(columns, [{ name: "b", ms: 5, state: "" }], false)).toBe("NAME  MS  STATE\nb      5\n");
});

it("colours only where colours are wanted, and aligns as without", () => {
  const colored = renderTable(columns, rows, true);
  expect(colored).toContain("\u001b[32mup\u001b[0m");
  expect(colored).toContain("\u001b[31mdown\u001b[0m");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is the colours that are taken out
  expect(colored.replace(/\u001b\[\d+m/g, "")).toBe(renderTable(columns, rows, false));
});

it("lets no text from outside command the terminal", () => {
  expect(oneLine("a\u001b[2Jb\r\nc\u009bd\u202ee")).toBe("a [2Jb c d e");
  expect(renderTable(columns, [{ name: "x\ny", ms: 1, state: "up" }], false)).toContain("x y");
});
