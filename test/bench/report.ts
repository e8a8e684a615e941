import type { Figures, Outcome } from "./benchmark.ts";
import type { Machine } from "./machine.ts";

/** What `--json` prints. */
export interface Report extends Outcome {
  readonly name: string;
  readonly machine: Machine;
  /** Figure ÷ the baseline's figure of the same name: below 1 is better for costs, above 1 for rates. */
  readonly ratios: Readonly<Record<string, Figures>>;
}

export function reportOf(name: string, machine: Machine, { figures, baselines }: Outcome): Report {
  return {
    name,
    machine,
    figures: mapValues(figures, rounded),
    baselines: mapValues(baselines, (baseline) => mapValues(baseline, rounded)),
    ratios: mapValues(baselines, (baseline) => ratios(figures, baseline)),
  };
}

/** What a figure of the surroundings is to another says nothing. */
const notCompared = /^otherCores/;

function ratios(figures: Figures, baseline: Figures): Figures {
  const pairs = Object.entries(figures).map(
    ([name, figure]) => [name, figure / (baseline[name] ?? Number.NaN)] as const,
  );
  const comparable = pairs.filter(([name, ratio]) => Number.isFinite(ratio) && !notCompared.test(name));
  return Object.fromEntries(comparable.map(([name, ratio]) => [name, rounded(ratio)]));
}

/** Three significant digits, and whole numbers in full: more would pretend. */
export function rounded(value: number): number {
  if (!Number.isFinite(value)) return value;
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

/** The report for people: a line per figure, two columns per baseline. */
export function tableOf({ name, machine, figures, baselines, ratios }: Report): string {
  const others = Object.keys(baselines);
  const names = [...new Set([figures, ...Object.values(baselines)].flatMap((some) => Object.keys(some)))];
  const rows = [
    ["", "watchpost", ...others.flatMap((other) => [other, "ratio"])],
    ...names.map((figure) => [
      figure,
      shown(figures[figure]),
      ...others.flatMap((other) => [shown(baselines[other]?.[figure]), shown(ratios[other]?.[figure])]),
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  "),
  );
  const { cpu, cores, memoryMb, os, node } = machine;
  return [`${name}  (${cpu}, ${cores} cores, ${memoryMb} MB, ${os}, Node ${node})`, ...lines].join("\n");
}

const shown = (value: number | undefined): string => (value === undefined ? "" : String(value));

function mapValues<V, W>(record: Readonly<Record<string, V>>, change: (value: V) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
