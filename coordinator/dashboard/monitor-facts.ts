import type { MonitorRow } from "../http/api-types.ts";
import { h } from "./dom.ts";
import { formatTime } from "./format.ts";
import { assertionInWords, quorumInWords, targetOf } from "./words.ts";

/** What a monitor's document says, in short. */
export function monitorFacts(monitor: MonitorRow): HTMLElement[] {
  const { interval, timeout, regions, quorum, stagger, assertions = [], tags = [], revision, updatedAt, id } = monitor;
  const facts: ReadonlyArray<readonly [term: string, value: string]> = [
    [monitor.type === "http" ? `HTTP ${monitor.http.method}` : "TCP", targetOf(monitor)],
    ["Interval", `${interval}, timeout ${timeout}`],
    ["Regions", `${Array.isArray(regions) ? regions.join(", ") : "all"}, ${stagger ? "in turn" : "all at once"}`],
    ["Down when", quorumInWords(quorum)],
    ["Assertions", assertions.map(assertionInWords).join("; ") || "none"],
    ...(tags.length > 0 ? ([["Tags", tags.join(", ")]] as const) : []),
    ["Revision", `${revision}, made ${formatTime(updatedAt)}`],
    ["Id", id],
  ];
  return facts.map(([term, value]) => h("div", { class: "fact" }, h("dt", {}, term), h("dd", {}, value)));
}
