import type { MonitorRow, UptimeDayRow } from "../http/api-types.ts";
import { createMonitorActions } from "./actions.ts";
import type { PageContext } from "./context.ts";
import type { Child, Kept } from "./dom.ts";
import { createKeyedList, h, renderIfChanged, setAttribute } from "./dom.ts";
import { lastDay, lastDayInWords } from "./hour-bars.ts";
import { overviewAddress } from "./order.ts";
import { regionCell, regionTooltip } from "./region-cell.ts";
import { regionState } from "./region-state.ts";
import { createSight } from "./times.ts";
import { badgeKey, verdictBadge } from "./verdict-badge.ts";
import { targetOf } from "./words.ts";

const TAGS_SHOWN = 3;

interface Item {
  readonly monitor: MonitorRow;
  readonly known: ReadonlySet<string>;
  /** Null before it is known. */
  readonly day: UptimeDayRow | null;
}

/** One row per monitor, one column per region; on narrow screens, one card per monitor. */
export function createMonitorTable(context: PageContext) {
  const head = h("tr", { role: "row" });
  const body = h("tbody", { role: "rowgroup" });
  // The roles are those that the elements have by themselves, until the style sheet makes cards of them.
  const table = h("table", { class: "monitors", role: "table" }, h("thead", { role: "rowgroup" }, head), body);
  const element = h("div", { class: "scroll", hidden: true }, table);
  let regions: readonly string[] = [];
  const sight = createSight();

  // A row is made for the regions of its time: others make other rows.
  const list = createKeyedList<Item>(
    body,
    ({ monitor: { id } }) => `${id} ${regions.join(" ")}`,
    ({ monitor }) => {
      const row = createRow(context, monitor, regions);
      sight.observe(row.element);
      return row;
    },
  );

  return {
    element,
    /** @param known the regions that `all` stands for; there are columns for more. */
    show(
      monitors: readonly MonitorRow[],
      columns: readonly string[],
      known: ReadonlySet<string>,
      days: ReadonlyMap<string, UptimeDayRow>,
    ): void {
      regions = columns;
      renderIfChanged(head, regions, () => [
        columnHead("verdict", "Verdict"),
        columnHead("name", "Monitor"),
        columnHead("day-of", "Last 24 hours"),
        ...regions.map((region) => columnHead("region", region)),
        columnHead("actions", h("span", { class: "visually-hidden" }, "Actions")),
      ]);
      table.style.setProperty("--regions", String(regions.length));
      list(monitors.map((monitor) => ({ monitor, known, day: days.get(monitor.id) ?? null })));
      element.hidden = monitors.length === 0;
    },
  };
}

const columnHead = (name: string, title: Child) => h("th", { role: "columnheader", scope: "col", class: name }, title);

function createRow(context: PageContext, first: MonitorRow, regions: readonly string[]): Kept<Item> {
  const { clock } = context;
  const verdict = h("td", { role: "cell", class: "verdict" });
  const name = h("th", { role: "rowheader", scope: "row", class: "name" });
  const cells = regions.map((region) => ({
    region,
    content: h("div"),
    cell: h("td", { role: "cell", class: "region" }),
  }));
  for (const { region, content, cell } of cells)
    cell.append(h("span", { class: "region-name", "aria-hidden": "true" }, region), content);
  const bars = h("div");
  const day = h("td", { role: "cell", class: "day-of" }, bars);
  const actions = createMonitorActions(context, first, () => document.querySelector("h1")?.focus());
  const element = h(
    "tr",
    { role: "row" },
    verdict,
    name,
    day,
    ...cells.map(({ cell }) => cell),
    h("td", { role: "cell", class: "actions" }, actions.element),
  );

  return {
    element,
    update({ monitor, known, day: of }) {
      const { status } = monitor;
      const target = targetOf(monitor);
      setAttribute(element, "class", status.verdict);
      renderIfChanged(verdict, badgeKey(status), () => [verdictBadge(status, clock)]);
      renderIfChanged(name, [monitor.name, target, monitor.tags], () => [
        h("a", { href: `#/monitors/${monitor.id}` }, monitor.name),
        h(
          "span",
          { class: "sub" },
          h("span", { class: "type" }, monitor.type),
          h("span", { class: "target", title: target }, target),
          ...tagLinks(monitor.tags ?? []),
        ),
      ]);
      renderIfChanged(bars, of, () => lastDay(of));
      if (of !== null) setAttribute(day, "title", lastDayInWords(of));
      for (const { region, content, cell } of cells) {
        const state = regionState(monitor, region, known, clock.now());
        setAttribute(cell, "title", regionTooltip(state));
        setAttribute(cell, "class", `region ${state.kind}`);
        renderIfChanged(content, state, () => regionCell(state, clock));
      }
      actions.update(monitor);
    },
  };
}

/** Each leads to the monitors that have it; more than fit into a row are named by a tooltip. */
function tagLinks(tags: readonly string[]): HTMLElement[] {
  const links: HTMLElement[] = tags
    .slice(0, TAGS_SHOWN)
    .map((tag) => h("a", { class: "tag", href: overviewAddress({ filter: tag, verdict: null }) }, tag));
  const more = tags.slice(TAGS_SHOWN);
  if (more.length > 0) links.push(h("span", { class: "tag", title: more.join(", ") }, `+${more.length}`));
  return links;
}
