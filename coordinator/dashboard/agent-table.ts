import type { AgentRow } from "../http/api-types.ts";
import { agentColumns, createAgentRow } from "./agent-row.ts";
import type { PageContext } from "./context.ts";
import { createKeyedList, h } from "./dom.ts";

/** The agents of one region; on phones, cards. */
export function createAgentTable(context: PageContext, labelledBy: string) {
  const body = h("tbody", { role: "rowgroup" });
  const column = (title: string, ...hidden: readonly string[]) =>
    h(
      "th",
      { role: "columnheader", scope: "col" },
      title,
      ...hidden.map((text) => h("span", { class: "visually-hidden" }, text)),
    );
  const head = h(
    "tr",
    { role: "row" },
    column("Agent"),
    ...agentColumns.map((title) => column(title)),
    column("", "Actions"),
  );
  // The roles are those that the elements have by themselves, until the style sheet makes cards of them.
  const element = h(
    "div",
    { class: "scroll" },
    h("table", { role: "table", "aria-labelledby": labelledBy }, h("thead", { role: "rowgroup" }, head), body),
  );
  const list = createKeyedList<AgentRow>(
    body,
    ({ id }) => id,
    (agent) => createAgentRow(context, agent),
  );
  return {
    element,
    show(agents: readonly AgentRow[]): void {
      list(agents);
      element.hidden = agents.length === 0;
    },
  };
}
