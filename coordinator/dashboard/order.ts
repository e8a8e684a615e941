import type { MonitorRow } from "../http/api-types.ts";
import { targetOf, verdictOrder, verdictWords } from "./words.ts";

/** Those that need people first, and within one verdict by name. */
export function sorted(monitors: readonly MonitorRow[]): MonitorRow[] {
  const rank = ({ status }: MonitorRow) => verdictOrder.indexOf(status.verdict);
  return monitors.toSorted((a, b) => rank(a) - rank(b) || compareNames(a.name, b.name) || (a.id < b.id ? -1 : 1));
}

/** `web 2` before `web 10`. */
const { compare: compareNames } = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Whether a monitor has every word of the filter in its name, tags, target, type or verdict. */
export function matches(monitor: MonitorRow, filter: string): boolean {
  const { name, tags = [], type, status } = monitor;
  const text = [name, ...tags, targetOf(monitor), type, verdictWords[status.verdict]].join("\n").toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** Where the overview shows the monitors that match a filter and have a verdict; the empty text and null are any. */
export function overviewAddress({ filter, verdict }: { readonly filter: string; readonly verdict: string | null }) {
  const query = new URLSearchParams({ ...(filter && { filter }), ...(verdict && { verdict }) });
  return query.size === 0 ? "#/" : `#/?${query}`;
}
