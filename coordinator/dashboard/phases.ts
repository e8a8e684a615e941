import type { Phases } from "../../shared/result.ts";
import type { ResultRow } from "../http/api-types.ts";
import { formatLatency } from "../quantities.ts";
import { h } from "./dom.ts";
import { phaseWords } from "./words.ts";

type Phase = keyof Phases;
const phases = Object.keys(phaseWords) as Phase[];

/** The share of checks whose bar is shown in full length. */
const IN_FULL = 0.95;

/**
 * The latency that fills a whole bar, in ms: nearly the longest, so that a single
 * timeout does not make dots of all the others.
 */
export function barScale(results: readonly ResultRow[]): number {
  const latencies = results.map(({ latencyMs }) => latencyMs).toSorted((a, b) => a - b);
  return Math.max(1, latencies[Math.ceil(IN_FULL * (latencies.length - 1))] ?? 1);
}

/** A check's phases side by side, as long as the check took. */
export function phaseBar({ phases: taken, latencyMs }: ResultRow, scale: number): HTMLElement {
  const reached = phases.filter((phase) => taken[phase] !== undefined);
  const story = reached.map((phase) => `${phaseWords[phase]} ${formatLatency(taken[phase])}`).join(" · ");
  const bar = h("div", {
    class: latencyMs > scale ? "bar cut" : "bar",
    role: "img",
    "aria-label": story,
    title: story,
  });
  bar.style.width = `${Math.min(100, (latencyMs / scale) * 100)}%`;
  for (const phase of reached) {
    const part = h("span", { class: `phase ${phase}` });
    part.style.flexGrow = String(taken[phase]);
    bar.append(part);
  }
  return bar;
}

export function phaseLegend(): HTMLElement {
  const entries = phases.map((phase) => h("li", {}, h("span", { class: `swatch ${phase}` }), phaseWords[phase]));
  return h("ul", { class: "legend", "aria-label": "Phases" }, ...entries);
}
