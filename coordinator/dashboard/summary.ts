import type { MonitorRow, RegionRow } from "../http/api-types.ts";
import type { Verdict } from "../verdict/verdict.ts";
import { h, setAttribute } from "./dom.ts";
import { icon } from "./icons.ts";
import { verdictOrder, verdictWords } from "./words.ts";

/** How many monitors have each verdict, each a button that shows those alone; verdicts that none has are left out. */
export function createVerdictCounts(chosen: Verdict | null, onChosen: (verdict: Verdict | null) => void) {
  const parts = verdictOrder.map((verdict) => {
    const count = h("b");
    const button = h(
      "button",
      { type: "button", class: `count state ${verdict}`, onclick: () => choose(verdict) },
      icon(verdict),
      count,
      ` ${verdictWords[verdict].toLowerCase()}`,
    );
    return { verdict, count, button, item: h("li", { hidden: true }, button) };
  });

  function choose(verdict: Verdict): void {
    chosen = chosen === verdict ? null : verdict;
    press();
    onChosen(chosen);
  }

  function press(): void {
    for (const { verdict, button } of parts) setAttribute(button, "aria-pressed", String(verdict === chosen));
  }

  press();
  return {
    element: h("ul", { class: "counts", "aria-label": "Monitors by verdict" }, ...parts.map(({ item }) => item)),
    show(monitors: readonly MonitorRow[]): void {
      for (const { verdict, count, item } of parts) {
        const having = monitors.filter(({ status }) => status.verdict === verdict).length;
        if (count.textContent !== String(having)) count.textContent = String(having);
        // One that is chosen stays, also when its last monitor has left it: it is what undoes the choice.
        item.hidden = having === 0 && verdict !== chosen;
      }
    },
  };
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
