import type { IncidentRow, MonitorRow, RegionRow } from "../http/api-types.ts";
import type { Verdict } from "../verdict/verdict.ts";
import { createAlertsAdvice } from "./alerts-advice.ts";
import { createVerdictAnnouncer } from "./announce.ts";
import type { Page } from "./api.ts";
import type { PageContext, View } from "./context.ts";
import { h, renderIfChanged } from "./dom.ts";
import { incidentCards, withoutDuration } from "./incident-card.ts";
import { createLastDays } from "./last-days.ts";
import { openMonitorForm } from "./monitor-form.ts";
import { createMonitorTable } from "./monitor-table.ts";
import { matches, overviewAddress, sorted } from "./order.ts";
import { everyRegion } from "./region-state.ts";
import { createVerdictCounts, regionsLine } from "./summary.ts";
import { verdictOrder, verdictWords } from "./words.ts";

/** More rows than this are shown only when asked for; those in trouble come first. */
const ROWS_AT_ONCE = 200;
const INCIDENTS_SHOWN = 4;

/** Every monitor, as its regions see it. @param wanted what the address asks for: `filter` and `verdict`. */
export function createOverview(context: PageContext, wanted: URLSearchParams): View {
  let monitors: readonly MonitorRow[] = [];
  let regions: readonly RegionRow[] = [];
  let known: ReadonlySet<string> = new Set();
  let open: Page<IncidentRow> = { data: [], nextCursor: null };
  let loaded = false;
  let limit = ROWS_AT_ONCE;

  const add = () => openMonitorForm(context, null);
  let verdict = verdictOrder.find((one) => one === wanted.get("verdict")) ?? null;
  const counts = createVerdictCounts(verdict, (chosen) => {
    verdict = chosen;
    showAnew();
  });
  const places = h("div", { class: "regions" });
  const incidents = h("section", { class: "open-incidents", "aria-label": "Open incidents", hidden: true });
  const filter = h("input", {
    type: "search",
    class: "filter",
    placeholder: "Name, tag, target …",
    value: wanted.get("filter"),
    hidden: true,
    "aria-label": "Filter monitors by name, tag, target, type or verdict",
    oninput: showAnew,
  });
  const addButton = h("button", { type: "button", class: "primary", hidden: true, onclick: add }, "Add monitor");
  const days = createLastDays(context.api);
  const advice = createAlertsAdvice(context.api);
  const table = createMonitorTable(context);
  const below = h("div", { class: "below" });
  const announceVerdicts = createVerdictAnnouncer();

  /** Other monitors are wanted; the address says which, so that a reload or a link shows the same. */
  function showAnew(): void {
    limit = ROWS_AT_ONCE;
    history.replaceState(null, "", overviewAddress({ filter: filter.value.trim(), verdict }));
    render();
  }

  function render(): void {
    const wanted = sorted(
      monitors.filter(
        (monitor) => (verdict === null || monitor.status.verdict === verdict) && matches(monitor, filter.value),
      ),
    );
    counts.show(monitors);
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
      days.shown(),
    );
    renderIfChanged(below, [loaded, monitors.length, wanted.length, limit, filter.value, verdict], () => [
      remarks(wanted.length),
    ]);
    context.title(null);
  }

  function remarks(wanted: number) {
    if (!loaded) return h("p", { class: "empty loading" }, "Loading …");
    if (monitors.length === 0) return emptyState(add);
    if (wanted === 0) return noMatch(filter.value.trim(), verdict);
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

  render();
  return {
    element: h(
      "div",
      { class: "overview" },
      h(
        "div",
        { class: "heading" },
        h("h1", { tabindex: "-1" }, "Monitors"),
        counts.element,
        h("div", { class: "tools" }, filter, addButton),
      ),
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
      // It takes longer with many, and the rows need not wait for it.
      if (await days.load(signal)) render();
    },
  };
}

function noMatch(filter: string, verdict: Verdict | null): HTMLElement {
  const is = verdict === null ? "" : ` is ${verdictWords[verdict].toLowerCase()}`;
  const what = filter === "" ? `No monitor${is}.` : `No monitor${is}${is && " and"} matches “${filter}”.`;
  return h("p", { class: "empty" }, what, " ", h("a", { href: "#/" }, "Show all"));
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
