import type { ResultRow } from "../http/api-types.ts";
import { formatLatency } from "../quantities.ts";
import type { Page } from "./api.ts";
import type { PageContext } from "./context.ts";
import type { Kept } from "./dom.ts";
import { createKeyedList, h, renderIfChanged } from "./dom.ts";
import { errorMessage } from "./error-message.ts";
import { formatTime } from "./format.ts";
import { icon } from "./icons.ts";
import { barScale, phaseBar, phaseLegend } from "./phases.ts";
import { statusWords } from "./words.ts";

const PAGE_SIZE = 50;
const columns = [
  ["time", "Time"],
  ["region", "Region"],
  ["status", "Status"],
  ["latency", "Latency"],
  ["phases", "Phases"],
  ["late", "Late"],
  ["found", "What was found"],
] as const;

type Row = ResultRow & { readonly attempt: number };

/** A monitor's results, newest first; the newest page is kept fresh, older ones stand still. */
export function createResults({ api, refresh }: PageContext, monitorId: string) {
  let cursor: string | null = null;
  let next: string | null = null;
  let scale = 1;

  const region = h("select", { "aria-label": "Region", onchange: () => turnTo(null) });
  const newest = h("button", { type: "button", onclick: () => turnTo(null) }, "Newest");
  const older = h("button", { type: "button", onclick: () => turnTo(next) }, "Older");
  const body = h("tbody", { role: "rowgroup" });
  const empty = h("p", { class: "empty", hidden: true }, "No results.");
  const list = createKeyedList<Row>(body, ({ region, round, attempt }) => `${region} ${round} ${attempt}`, createRow);

  function turnTo(position: string | null): void {
    cursor = position;
    refresh();
  }

  function createRow(): Kept<Row> {
    const element = h("tr", { role: "row" });
    return { element, update: (row) => renderIfChanged(element, [row, scale], () => resultCells(row, scale)) };
  }

  function show({ data, nextCursor }: Page<Row>): void {
    scale = barScale(data);
    next = nextCursor;
    list(data);
    empty.hidden = data.length > 0;
    newest.disabled = cursor === null;
    older.disabled = nextCursor === null;
  }

  return {
    element: h(
      "section",
      { class: "results" },
      h("div", { class: "section-heading" }, h("h2", {}, "Results"), region, phaseLegend()),
      h(
        "div",
        { class: "scroll" },
        h(
          "table",
          { role: "table" },
          h(
            "thead",
            { role: "rowgroup" },
            h(
              "tr",
              { role: "row" },
              ...columns.map(([name, title]) => h("th", { role: "columnheader", scope: "col", class: name }, title)),
            ),
          ),
          body,
        ),
      ),
      empty,
      h("div", { class: "pager" }, newest, older),
    ),
    showRegions(regions: readonly string[]): void {
      const chosen = region.value;
      renderIfChanged(region, regions, () => [
        h("option", { value: "" }, "All regions"),
        ...regions.map((name) => h("option", { value: name, selected: name === chosen }, name)),
      ]);
    },
    async load(signal: AbortSignal): Promise<void> {
      const query = new URLSearchParams({
        limit: String(PAGE_SIZE),
        ...(region.value && { region: region.value }),
        ...(cursor !== null && { cursor }),
      });
      show(await api.get<Page<Row>>(`/v1/monitors/${monitorId}/results?${query}`, signal));
    },
  };
}

function resultCells(row: Row, scale: number): HTMLElement[] {
  const cell = (name: string, ...children: Parameters<typeof h>[2][]) =>
    h("td", { role: "cell", class: name }, ...children);
  return [
    cell("time", h("time", { datetime: row.scheduledAt, title: row.scheduledAt }, formatTime(row.scheduledAt))),
    cell("region", row.region),
    cell("status", h("span", { class: `state ${row.status}` }, icon(row.status), statusWords[row.status])),
    cell("latency", formatLatency(row.latencyMs)),
    cell("phases", phaseBar(row, scale)),
    cell("late", row.latenessMs <= 0 ? "0 ms" : formatLatency(row.latenessMs)),
    cell("found", ...found(row)),
  ];
}

function found({ error, statusCode, failedAssertions, attempt }: Row) {
  const message = failedAssertions.length > 0 ? failedAssertions.join("; ") : error?.message;
  const parts = [
    attempt === 0 ? null : h("span", { class: "type", title: `Asked for ${attempt} ms after its round` }, "extra"),
    error === null ? null : errorMessage({ code: error.code, message: message ?? "" }),
    error === null && statusCode !== null ? `status ${statusCode}` : null,
  ];
  return parts.filter((part) => part !== null);
}
