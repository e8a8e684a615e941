import { troubleWords } from "../agents/trouble.ts";
import type { AgentTroubleRow } from "../http/api-types.ts";
import type { PageContext } from "./context.ts";
import { h } from "./dom.ts";
import { icon } from "./icons.ts";
import { openAcknowledgeTrouble } from "./incident-actions.ts";
import { age } from "./times.ts";

const looks = { critical: "down", warning: "degraded", info: "unknown" } as const;

/** What is wrong with agents and regions' agents now, and who takes care of it. */
export function agentTroubles(troubles: readonly AgentTroubleRow[], context: PageContext): HTMLElement {
  const items = troubles.map((trouble) => {
    const { kind, severity, region, agentId, agentName, detail, since, note } = trouble;
    const subject = agentId === null ? region : (agentName ?? agentId);
    return h(
      "li",
      { class: `is-${severity}` },
      h(
        "span",
        { class: `state ${looks[severity]}` },
        icon(looks[severity]),
        h("b", {}, subject),
        troubleWords[kind].is,
      ),
      h("span", {}, detail, note === null ? null : h("q", {}, note)),
      h("span", { class: "sub" }, "since ", age(since, "ago", context.clock)),
      acknowledgement(trouble, `${subject}, ${troubleWords[kind].is}`, context),
    );
  });
  return h("ul", {}, ...items);
}

function acknowledgement(
  { id, acknowledgedAt, acknowledgedBy }: AgentTroubleRow,
  what: string,
  context: PageContext,
): HTMLElement {
  if (acknowledgedAt !== null) {
    return h("span", { class: "sub" }, `acknowledged${acknowledgedBy === null ? "" : ` by ${acknowledgedBy}`}`);
  }
  const open = () => openAcknowledgeTrouble(context, id);
  return h("button", { type: "button", "aria-label": `Acknowledge: ${what}`, onclick: open }, "Acknowledge");
}
