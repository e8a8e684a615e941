import type { MaintenanceRow, MonitorRow } from "../http/api-types.ts";
import { whenInWords, whomInWords } from "../maintenance/words.ts";
import type { PageContext, View } from "./context.ts";
import { deleteButton } from "./delete-button.ts";
import type { Kept } from "./dom.ts";
import { createKeyedList, h, renderIfChanged, setAttribute } from "./dom.ts";
import { createFirstLoad } from "./first-load.ts";
import { formatTime } from "./format.ts";
import { icon } from "./icons.ts";
import { openWindowForm } from "./window-form.ts";

/** So many monitors of a window are named, the others counted. */
const MAX_NAMED = 3;

interface Item {
  readonly window: MaintenanceRow;
  /** Names of monitors by their ids. */
  readonly names: ReadonlyMap<string, string>;
}

/** The windows in which trouble is expected: which are on, when each is next, and for whom. */
export function createMaintenance(context: PageContext): View {
  const { api } = context;
  const firstLoad = createFirstLoad();
  let monitors: readonly MonitorRow[] = [];
  const edit = (window: MaintenanceRow | null) => firstLoad.after(() => openWindowForm(context, { monitors, window }));
  const titles = ["Name", "For", "When", "Next", ""].map((title) => h("th", { scope: "col" }, title));
  const body = h("tbody");
  const table = h(
    "div",
    { class: "scroll windows", hidden: true },
    h("table", {}, h("thead", {}, h("tr", {}, ...titles)), body),
  );
  const nothing = h("p", { class: "empty", hidden: true }, "There are no windows.");
  const show = createKeyedList<Item>(
    body,
    ({ window }) => window.id,
    (item) => createRow(context, item, edit),
  );

  return {
    element: h(
      "div",
      { class: "maintenance" },
      h(
        "div",
        { class: "heading" },
        h("h1", { tabindex: "-1" }, "Maintenance"),
        h("button", { type: "button", class: "primary", onclick: () => edit(null) }, "Add window"),
      ),
      h(
        "p",
        { class: "hint" },
        "While a window is on, its monitors are checked on, nobody is told, and uptime leaves the time out.",
      ),
      table,
      nothing,
    ),
    load: firstLoad.of(async (signal) => {
      const [windows, all] = await Promise.all([
        api.list<MaintenanceRow>("/v1/maintenance", signal),
        api.list<MonitorRow>("/v1/monitors", signal),
      ]);
      monitors = all;
      context.title("Maintenance");
      const wanted = new Set(windows.flatMap((window) => window.monitors ?? []));
      const names = new Map(all.filter(({ id }) => wanted.has(id)).map(({ id, name }) => [id, name]));
      show(inOrder(windows).map((window) => ({ window, names })));
      table.hidden = windows.length === 0;
      nothing.hidden = windows.length > 0;
    }),
  };
}

function createRow(context: PageContext, first: Item, edit: (window: MaintenanceRow) => void): Kept<Item> {
  let shown = first.window;
  const [title, whom, when, next] = [h("th", { scope: "row" }), h("td"), h("td"), h("td")];
  const change = h("button", { type: "button", onclick: () => edit(shown) }, "Edit");
  const remove = deleteButton(context, deletable(shown));
  return {
    element: h("tr", {}, title, whom, when, next, h("td", {}, h("div", { class: "buttons" }, change, remove.element))),
    update({ window, names }) {
      shown = window;
      const { name, reason = "" } = window;
      const [forWhomNow, whenNow] = [forWhom(window, names), whenOnPage(window.when)];
      renderIfChanged(title, [name, reason], () => [name, h("span", { class: "sub" }, reason)]);
      renderIfChanged(whom, forWhomNow, () => [forWhomNow]);
      renderIfChanged(when, whenNow, () => [whenNow]);
      renderIfChanged(next, [window.active, window.next, window.enabled], () => [nextOnPage(window)]);
      setAttribute(change, "aria-label", `Edit ${name}`);
      remove.update(deletable(window));
    },
  };
}

const deletable = ({ id, name, active }: MaintenanceRow) => ({
  path: `/v1/maintenance/${id}`,
  name,
  loss: active
    ? "It is on: its monitors are judged anew at once, and people are told of what is down."
    : "What fails in its time will be told. This cannot be undone.",
});

/** Those that are on, then by when they will be; those that will not be any more come last. */
function inOrder(windows: readonly MaintenanceRow[]): MaintenanceRow[] {
  const instant = ({ next }: MaintenanceRow) => next?.from ?? "over";
  return [...windows].sort((a, b) => Number(b.active) - Number(a.active) || (instant(a) < instant(b) ? -1 : 1));
}

function forWhom(window: MaintenanceRow, names: ReadonlyMap<string, string>): string {
  const own = window.monitors ?? [];
  if (own.length === 0 || own.length > MAX_NAMED) return whomInWords(window);
  const named = own.map((id) => names.get(id) ?? `${id} (deleted)`).join(", ");
  const isMore = (window.tags ?? []).length + (window.types ?? []).length > 0;
  return isMore ? `${named} or ${whomInWords({ ...window, monitors: [] })}` : named;
}

function whenOnPage(when: MaintenanceRow["when"]): string {
  return when.once ? `once, ${formatTime(when.once.from)} to ${formatTime(when.once.to)}` : whenInWords(when);
}

function nextOnPage({ active, next, enabled }: MaintenanceRow): HTMLElement {
  if (active && next) {
    return h("span", { class: "state maintenance" }, icon("maintenance"), `now, until ${formatTime(next.to)}`);
  }
  return h("span", {}, next ? formatTime(next.from) : enabled ? "over" : "switched off");
}
