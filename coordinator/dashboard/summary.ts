import type { MonitorRow, RegionRow } from "../http/api-types.ts";
import { h } from "./dom.ts";
import { icon } from "./icons.ts";
import { verdictOrder, verdictWords } from "./words.ts";

/** How many monitors have each verdict; verdicts that none has are left out. */
export function verdictCounts(monitors: readonly MonitorRow[]): HTMLElement[] {
  return verdictOrder.flatMap((verdict) => {
    const count = monitors.filter(({ status }) => status.verdict === verdict).length;
    if (count === 0) return [];
    return h(
      "li",
      { class: `state ${verdict}` },
      icon(verdict),
      h("b", {}, count),
      ` ${verdictWords[verdict].toLowerCase()}`,
    );
  });
}

/** Where checks run from, and whether anyone is there to run them. */
export function regionsLine(regions: readonly RegionRow[]): HTMLElement[] {
  if (regions.length === 0) {
    const start = h("code", {}, "watchpost agent");
    return [
      h("p", { class: "warning" }, "No agent has connected yet, so nothing is checked. Start one with ", start, "."),
    ];
  }
  const places = regions.map(({ region, agents: { online, taking }, impaired, troubles }) => {
    const state = taking === 0 ? "down" : impaired || troubles.length > 0 ? "degraded" : "up";
    const agents = taking === 0 ? " no agent takes checks" : ` ${taking} ${taking === 1 ? "agent" : "agents"}`;
    return h(
      "li",
      { class: `state ${state}`, ...(impaired && { title: impaired.reason }) },
      icon(state),
      h("b", {}, region),
      online === 0 ? " no agent online" : agents,
      troubles.length > 0 ? h("a", { href: "#/agents" }, ` ${troubles.length} in trouble`) : null,
      impaired ? h("span", {}, ", impaired: its votes do not count") : null,
    );
  });
  return [h("h2", {}, "Regions"), h("ul", {}, ...places)];
}
