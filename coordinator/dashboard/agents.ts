import type { AgentRow, AgentTroubleRow, RegionRow } from "../http/api-types.ts";
import { openAddAgent } from "./add-agent.ts";
import { createAgentTable } from "./agent-table.ts";
import { agentTroubles } from "./agent-troubles.ts";
import type { Page } from "./api.ts";
import type { PageContext, View } from "./context.ts";
import type { Kept } from "./dom.ts";
import { createKeyedList, h, renderIfChanged } from "./dom.ts";

/** A region and those who check from there. */
interface Place {
  readonly region: RegionRow;
  readonly agents: readonly AgentRow[];
}

/** Who makes the checks, region by region: what each does, how well it can, and what is wrong. */
export function createAgents(context: PageContext): View {
  const troubles = h("section", { class: "agent-troubles", "aria-label": "Trouble", hidden: true });
  const places = h("div");
  const nothing = h("div", { class: "empty", hidden: true }, ...howToStart());
  const list = createKeyedList<Place>(
    places,
    ({ region }) => region.region,
    (place) => createPlace(context, place),
  );
  return {
    element: h(
      "div",
      { class: "agents" },
      h(
        "div",
        { class: "heading" },
        h("h1", { tabindex: "-1" }, "Agents"),
        h("button", { type: "button", class: "primary", onclick: () => openAddAgent(context) }, "Add agent"),
      ),
      troubles,
      places,
      nothing,
    ),
    async load(signal) {
      const [agents, { data: regions }] = await Promise.all([
        context.api.list<AgentRow>("/v1/agents", signal),
        context.api.get<Page<RegionRow>>("/v1/regions", signal),
      ]);
      context.title("Agents");
      const open = troublesOf(regions, agents);
      troubles.hidden = open.length === 0;
      renderIfChanged(troubles, open, () => [agentTroubles(open, context)]);
      list(placesOf(regions, agents));
      nothing.hidden = regions.length + agents.length > 0;
    },
  };
}

/** Also regions that are not known any more, or not yet, and in which there is an agent. */
function placesOf(regions: readonly RegionRow[], agents: readonly AgentRow[]): Place[] {
  const known = new Set(regions.map(({ region }) => region));
  const others = [...new Set(agents.map(({ region }) => region))].filter((region) => !known.has(region));
  const unknown = others.map(
    (region): RegionRow => ({
      region,
      agents: { online: 0, taking: 0, total: agents.filter((agent) => agent.region === region).length },
      lastResultAt: null,
      impaired: null,
      troubles: [],
    }),
  );
  return [...regions, ...unknown]
    .sort((a, b) => (a.region < b.region ? -1 : 1))
    .map((region) => ({ region, agents: agents.filter((agent) => agent.region === region.region) }));
}

/** The latest first. */
function troublesOf(regions: readonly RegionRow[], agents: readonly AgentRow[]): AgentTroubleRow[] {
  const all = [...regions, ...agents].flatMap(({ troubles }) => troubles);
  const byId = new Map(all.map((trouble) => [trouble.id, trouble]));
  return [...byId.values()].sort((a, b) => (a.openedAt > b.openedAt ? -1 : 1));
}

function createPlace(context: PageContext, { region: { region } }: Place): Kept<Place> {
  const summary = h("span", { class: "state" });
  const id = `region-${region}`;
  const table = createAgentTable(context, id);
  const none = h("p", { class: "empty", hidden: true }, "No agent has been here lately.");
  return {
    element: h(
      "section",
      {},
      h("div", { class: "section-heading" }, h("h2", { id }, region), summary),
      table.element,
      none,
    ),
    update({ region: { agents, impaired }, agents: rows }) {
      const { online, taking } = agents;
      renderIfChanged(summary, [online, taking, agents.total, impaired], () => [
        taking === 0 ? "no agent takes checks" : `${taking} of ${Math.max(agents.total, rows.length)} take checks`,
        impaired ? h("b", { title: impaired.reason }, " · impaired: its votes do not count") : null,
      ]);
      summary.className = `state ${taking === 0 ? "down" : impaired ? "degraded" : "up"}`;
      table.show(rows);
      none.hidden = rows.length > 0;
    },
  };
}

function howToStart(): HTMLElement[] {
  return [
    h("h2", {}, "There are no agents yet"),
    h("p", {}, "Make a server one of a region, with “Add agent” or with the line that this prints:"),
    h("pre", {}, h("code", {}, "npx watchpost agents enroll --region eu-west")),
  ];
}
