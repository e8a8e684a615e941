import { troubleWords } from "../agents/trouble.ts";
import type { AgentTroubleRow } from "../http/api-types.ts";
import { h } from "./dom.ts";
import { icon } from "./icons.ts";
import type { PageClock } from "./times.ts";
import { age } from "./times.ts";

const looks = { critical: "down", warning: "degraded", info: "unknown" } as const;

/** What is wrong with agents and regions' agents now. */
export function agentTroubles(troubles: readonly AgentTroubleRow[], clock: PageClock): HTMLElement {
  const items = troubles.map(({ kind, severity, region, agentId, agentName, detail, since }) =>
    h(
      "li",
      { class: `is-${severity}` },
      h(
        "span",
        { class: `state ${looks[severity]}` },
        icon(looks[severity]),
        h("b", {}, agentId === null ? region : (agentName ?? agentId)),
        troubleWords[kind].is,
      ),
      h("span", {}, detail),
      h("span", { class: "sub" }, "since ", age(since, "ago", clock)),
    ),
  );
  return h("ul", {}, ...items);
}
