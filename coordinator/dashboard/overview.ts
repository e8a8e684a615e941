import type { IncidentRow, MonitorRow, RegionRow } from "../http/api-types.ts";
import { openAddMonitor } from "./add-monitor.ts";
import { createAlertsAdvice } from "./alerts-advice.ts";
import { createVerdictAnnouncer } from "./announce.ts";
import type { Page } from "./api.ts";
import type { PageContext, View } from "./context.ts";
import { h, renderIfChanged } from "./dom.ts";
import { incidentCards, withoutDuration } from "./incident-card.ts";
import { createMonitorTable } from "./monitor-table.ts";
import { matches, sorted } from "./order.ts";
import { everyRegion } from "./region-state.ts";
import { regionsLine, verdictCounts } from "./summary.ts";

/** More rows than this are shown only when asked for; those in trouble come first. */
const ROWS_AT_ONCE = 200;
const INCIDENTS_SHOWN = 4;

/** Every monitor, as its regions see it. */
export function createOverview(context: PageContext): View {
  let monitors: readonly MonitorRow[] = [];
  let regions: readonly RegionRow[] = [];
  let known: ReadonlySet<string> = new Set();
  let open: Page<IncidentRow> = { data: [], nextCursor: null };
  let loaded = false;
  let limit = ROWS_AT_ONCE;

  const add = () => openAddMonitor(context);
  const counts = h("ul", { class: "counts", "aria-label": "Monitors by verdict" });
  const places = h("div", { class: "regions" });
  const incidents = h("section", { class: "open-incidents", "aria-label": "Open incidents", hidden: true });
  const filter = h("input", {
    type: "search",
    class: "filter",
    placeholder: "Filter",
    hidden: true,
    "aria-label": "Filter monitors by name, target, type or verdict",
    oninput: render,
  });
  const addButton = h("button", { type: "button", class: "primary", hidden: true, onclick: add }, "Add monitor");
  const advice = createAlertsAdvice(context.api);
  const table = createMonitorTable(context);
  const below = h("div", { class: "below" });
  const announceVerdicts = createVerdictAnnouncer();

  function render(): void {
    const wanted = sorted(monitors.filter((monitor) => matches(monitor, filter.value)));
    renderIfChanged(counts, monitors.map(({ status }) => status.verdict).sort(), () => verdictCounts(monitors));
    renderIfChanged(
      places,
      regions.map(({ region, agents, impaired, troubles }) => [region, agents, impaired, troubles.length]),
      () => regionsLine(regions),
    );
    incidents.hidden = open.data.length === 0;
    renderIfChanged(incidents, open.data.map(withoutDuration), () => [
      h("h2", {}, open.data.length === 1 && open.nextCursor === null ? "Open incident" : "Open incidents"),
      incidentCards(open.data, context.clock),
      open.nextCursor === null ? null : h("a", { href: "#/incidents?state=open" }, "All open incidents"),
    ]);
    filter.hidden = monitors.length === 0;
    addButton.hidden = monitors.length === 0;
    table.show(
      wanted.slice(0, limit),
      regions.map(({ region }) => region),
      known,
    );
    renderIfChanged(below, [loaded, monitors.length, wanted.length, limit, filter.value], () => [
      remarks(wanted.length),
    ]);
    const down = monitors.filter(({ status }) => status.verdict === "down").length;
    document.title = `${down > 0 ? `(${down} down) ` : ""}Watchpost`;
  }

  function remarks(wanted: number) {
    if (!loaded) return null;
    if (monitors.length === 0) return emptyState(add);
    if (wanted === 0) return h("p", { class: "empty" }, `No monitor matches “${filter.value.trim()}”.`);
    if (wanted <= limit) return null;
    function more(): void {
      limit += ROWS_AT_ONCE;
      render();
    }
    return h(
      "p",
      { class: "empty" },
      `${limit} of ${wanted} are shown. `,
      h("button", { type: "button", onclick: more }, `Show ${Math.min(ROWS_AT_ONCE, wanted - limit)} more`),
    );
  }

  return {
    element: h(
      "div",
      { class: "overview" },
      h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, "Monitors"), counts, filter, addButton),
      places,
      advice.element,
      incidents,
      table.element,
      below,
    ),
    isTold: true,
    async load(signal) {
      const [all, { data }, trouble] = await Promise.all([
        context.api.list<MonitorRow>("/v1/monitors", signal),
        context.api.get<Page<RegionRow>>("/v1/regions", signal),
        context.api.get<Page<IncidentRow>>(`/v1/incidents?state=open&limit=${INCIDENTS_SHOWN}`, signal),
        advice.load(signal),
      ]);
      monitors = all;
      open = trouble;
      regions = everyRegion(data, all);
      known = new Set(data.map(({ region }) => region));
      loaded = true;
      render();
      announceVerdicts(monitors);
    },
  };
}

function emptyState(add: () => void): HTMLElement {
  return h(
    "div",
    { class: "empty" },
    h("h2", {}, "Nothing is watched yet"),
    h("p", {}, "Add a monitor here, or at the terminal:"),
    h("pre", {}, h("code", {}, "npx watchpost monitors add --name Shop --url https://shop.example/ --interval 30s")),
    h("button", { type: "button", class: "primary", onclick: add }, "Add the first monitor"),
  );
}
