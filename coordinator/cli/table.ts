const colors = { green: 32, yellow: 33, red: 31, gray: 90, bold: 1 } as const;
export type Color = keyof typeof colors;

/** The text in a colour, if colours are wanted. */
export function paint(text: string, color: Color | null, wanted: boolean): string {
  return wanted && color !== null ? `\u001b[${colors[color]}m${text}\u001b[0m` : text;
}

/** The colour of a verdict or a status. */
export function statusColor(status: string): Color | null {
  const known: Readonly<Record<string, Color>> = { up: "green", degraded: "yellow", down: "red", error: "yellow" };
  return known[status] ?? "gray";
}

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly align?: "right";
  readonly color?: (row: Row) => Color | null;
}

/** Rows as aligned columns under their titles. Every line ends with a line break. */
export function renderTable<Row>(columns: ReadonlyArray<Column<Row>>, rows: readonly Row[], color: boolean): string {
  const texts = rows.map((row) => columns.map((column) => oneLine(column.value(row))));
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...texts.map((cells) => length(cells[i] ?? ""))));
  const line = (cells: readonly string[], paints: ReadonlyArray<Color | null>) => {
    const padded = cells.map((cell, i) => {
      const space = " ".repeat((widths[i] ?? 0) - length(cell));
      const painted = paint(cell, paints[i] ?? null, color);
      return columns[i]?.align === "right" ? space + painted : painted + space;
    });
    return `${padded.join("  ").trimEnd()}\n`;
  };
  const head = line(
    columns.map(({ title }) => title),
    columns.map(() => "bold"),
  );
  return (
    head +
    rows
      .map((row, i) =>
        line(
          texts[i] ?? [],
          columns.map((column) => column.color?.(row) ?? null),
        ),
      )
      .join("")
  );
}

const length = (text: string) => [...text].length;

/**
 * The text on one line without anything that a terminal would obey: names and error
 * messages come from people, targets and agents.
 */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").trim();
}
