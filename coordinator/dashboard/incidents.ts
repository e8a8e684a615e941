import type { IncidentRow } from "../http/api-types.ts";
import type { Page } from "./api.ts";
import type { PageContext, View } from "./context.ts";
import { h, renderIfChanged } from "./dom.ts";
import { incidentCards, withoutDuration } from "./incident-card.ts";

const PAGE_SIZE = 50;
const states = [
  ["", "All"],
  ["open", "Open"],
  ["resolved", "Resolved"],
] as const;

/** Every incident, newest first; narrowed by what the address says, and by what is chosen. */
export function createIncidents({ api, clock, refresh, title }: PageContext, wanted: URLSearchParams): View {
  const monitor = /^mon_[0-9a-z]+$/.exec(wanted.get("monitor") ?? "")?.[0] ?? null;
  let cursor: string | null = null;
  let next: string | null = null;

  const state = h(
    "select",
    { "aria-label": "State", onchange: () => turnTo(null) },
    ...states.map(([value, title]) => h("option", { value, selected: value === wanted.get("state") }, title)),
  );
  const newest = h("button", { type: "button", onclick: () => turnTo(null) }, "Newest");
  const older = h("button", { type: "button", onclick: () => turnTo(next) }, "Older");
  const list = h("div", { class: "incidents" });
  const pager = h("div", { class: "pager", hidden: true }, newest, older);
  const only = h("p", { class: "hint", hidden: monitor === null });

  function turnTo(position: string | null): void {
    cursor = position;
    refresh();
  }

  function show({ data, nextCursor }: Page<IncidentRow>): void {
    next = nextCursor;
    renderIfChanged(list, [state.value, data.map(withoutDuration)], () => [
      data.length > 0
        ? incidentCards(data, clock)
        : h("p", { class: "empty" }, state.value === "open" ? "No incident is open." : "No incidents."),
    ]);
    if (monitor !== null) {
      const name = data[0]?.monitorName ?? monitor;
      renderIfChanged(only, name, () => [
        "Of ",
        h("a", { href: `#/monitors/${monitor}` }, name),
        " alone. ",
        h("a", { href: "#/incidents" }, "Show those of all monitors"),
      ]);
    }
    newest.disabled = cursor === null;
    older.disabled = nextCursor === null;
    pager.hidden = cursor === null && nextCursor === null;
    title("Incidents");
  }

  return {
    element: h(
      "div",
      { class: "incident-list" },
      h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, "Incidents"), state),
      only,
      list,
      pager,
    ),
    isTold: true,
    async load(signal) {
      const query = new URLSearchParams({
        limit: String(PAGE_SIZE),
        ...(state.value && { state: state.value }),
        ...(monitor !== null && { monitor }),
        ...(cursor !== null && { cursor }),
      });
      show(await api.get<Page<IncidentRow>>(`/v1/incidents?${query}`, signal));
    },
  };
}
