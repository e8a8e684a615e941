import type { IncidentRow, MonitorRow, RegionRow } from "../http/api-types.ts";
import { createMonitorActions } from "./actions.ts";
import { createVerdictAnnouncer } from "./announce.ts";
import type { Page } from "./api.ts";
import { ApiProblem } from "./api.ts";
import type { PageContext, View } from "./context.ts";
import type { Kept } from "./dom.ts";
import { h, renderIfChanged } from "./dom.ts";
import { icon } from "./icons.ts";
import { incidentCards, withoutDuration } from "./incident-card.ts";
import { createMaintenanceBanner } from "./maintenance-banner.ts";
import { monitorFacts } from "./monitor-facts.ts";
import { openMonitorForm } from "./monitor-form.ts";
import { regionCell, regionMessage } from "./region-cell.ts";
import { regionState, regionsOf } from "./region-state.ts";
import { createResults } from "./results.ts";
import { createUptime } from "./uptime.ts";
import { badgeKey, verdictBadge } from "./verdict-badge.ts";
import { verdictWords } from "./words.ts";

const INCIDENTS_SHOWN = 6;

/** One monitor: what it is, how long it was up, what its regions see, its incidents, and what its checks found. */
export function createDetail(context: PageContext, id: string): View {
  const { api, clock } = context;
  const title = h("h1", { tabindex: "-1" }, "…");
  const verdict = h("div", { class: "verdict" });
  const actions = h("div", { class: "buttons" });
  let buttons: Kept<MonitorRow> | undefined;
  let shown: MonitorRow | undefined;
  const facts = h("dl", { class: "facts" });
  const places = h("ul", { class: "places" });
  const results = createResults(context, id);
  const maintenance = createMaintenanceBanner(api);
  const uptime = createUptime(context, id);
  const incidents = h("section", { class: "incidents", "aria-label": "Incidents" });
  const content = h(
    "div",
    { hidden: true },
    facts,
    uptime.element,
    h("h2", {}, "Regions"),
    places,
    incidents,
    results.element,
  );
  const announceVerdict = createVerdictAnnouncer();

  const element = h(
    "div",
    { class: "detail" },
    h("a", { class: "back", href: "#/" }, icon("back"), "Monitors"),
    h("div", { class: "heading" }, title, verdict, actions),
    maintenance.element,
    content,
  );

  function showIncidents({ data, nextCursor }: Page<IncidentRow>): void {
    renderIfChanged(incidents, data.map(withoutDuration), () => [
      h("h2", {}, "Incidents"),
      data.length === 0 ? h("p", { class: "hint" }, "None so far.") : incidentCards(data, clock, "monitor"),
      nextCursor === null ? null : h("a", { href: `#/incidents?monitor=${id}` }, "All its incidents"),
    ]);
  }

  function show(monitor: MonitorRow, known: readonly string[]): void {
    const regions = regionsOf(monitor, known);
    const { status, name } = monitor;
    renderIfChanged(title, name, () => [name]);
    context.title(`${verdictWords[status.verdict]}: ${name}`);
    renderIfChanged(verdict, badgeKey(status), () => [verdictBadge(status, clock)]);
    if (buttons === undefined) {
      buttons = createMonitorActions(context, monitor, leave);
      const edit = () => shown && openMonitorForm(context, shown);
      actions.append(h("button", { type: "button", onclick: edit }, "Edit"), buttons.element);
    }
    shown = monitor;
    buttons.update(monitor);
    renderIfChanged(facts, { ...monitor, status: null }, () => monitorFacts(monitor));
    const states = regions.map((region) => ({
      region,
      state: regionState(monitor, region, new Set(known), clock.now()),
    }));
    renderIfChanged(places, states, () =>
      states.map(({ region, state }) =>
        h("li", { class: state.kind }, h("h3", {}, region), ...regionCell(state, clock), regionMessage(state)),
      ),
    );
    results.showRegions(regions);
    content.hidden = false;
    announceVerdict([monitor]);
  }

  function leave(): void {
    location.hash = "#/";
  }

  function showMissing(): void {
    context.title("No such monitor");
    renderIfChanged(title, null, () => ["There is no such monitor"]);
    verdict.replaceChildren();
    maintenance.element.hidden = true;
    actions.replaceChildren();
    content.hidden = true;
  }

  return {
    element,
    isTold: true,
    async load(signal) {
      try {
        const [monitor, known, trouble] = await Promise.all([
          api.get<MonitorRow>(`/v1/monitors/${id}`, signal),
          api.get<Page<RegionRow>>("/v1/regions", signal),
          api.get<Page<IncidentRow>>(`/v1/incidents?monitor=${id}&limit=${INCIDENTS_SHOWN}`, signal),
          uptime.load(signal),
          results.load(signal),
        ]);
        showIncidents(trouble);
        show(
          monitor,
          known.data.map(({ region }) => region),
        );
        await maintenance.update(monitor, signal);
      } catch (thrown) {
        if (!(thrown instanceof ApiProblem && thrown.status === 404)) throw thrown;
        showMissing();
      }
    },
  };
}
