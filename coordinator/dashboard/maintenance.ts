import type { MaintenanceRow, MonitorRow } from "../http/api-types.ts";
import { whenInWords, whomInWords } from "../maintenance/words.ts";
import { openAddWindow } from "./add-window.ts";
import { announce } from "./announce.ts";
import type { PageContext, View } from "./context.ts";
import { confirm } from "./dialog.ts";
import { h, renderIfChanged } from "./dom.ts";
import { formatTime } from "./format.ts";
import { icon } from "./icons.ts";

/** So many monitors of a window are named, the others counted. */
const MAX_NAMED = 3;

/** The windows in which trouble is expected: which are on, when each is next, and for whom. */
export function createMaintenance(context: PageContext): View {
  const { api } = context;
  let monitors: readonly MonitorRow[] = [];
  const add = () => openAddWindow(context, monitors);
  const list = h("div");

  async function remove({ id, name, active }: MaintenanceRow): Promise<void> {
    const isWanted = await confirm({
      title: `Delete ${name}?`,
      text: active
        ? "It is on: its monitors are judged anew at once, and people are told of what is down."
        : "What fails in its time will be told. This cannot be undone.",
      action: "Delete",
    });
    if (!isWanted) return;
    try {
      await api.remove(`/v1/maintenance/${id}`);
      announce(`${name} is deleted.`);
    } catch (thrown) {
      if (!context.isSignedOutBy(thrown)) context.notify(`${name} was not deleted: ${(thrown as Error).message}`);
    } finally {
      context.refresh();
    }
  }

  function table(windows: readonly MaintenanceRow[], names: ReadonlyMap<string, string>): HTMLElement {
    const titles = ["Name", "For", "When", "Next", ""].map((title) => h("th", { scope: "col" }, title));
    const rows = windows.map((window) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, window.name, h("span", { class: "sub" }, window.reason ?? "")),
        h("td", {}, forWhom(window, names)),
        h("td", {}, whenOnPage(window.when)),
        h("td", {}, nextOnPage(window)),
        h(
          "td",
          {},
          h(
            "button",
            {
              type: "button",
              class: "icon-button",
              "aria-label": `Delete ${window.name}`,
              title: `Delete ${window.name}`,
              onclick: () => void remove(window),
            },
            icon("remove"),
          ),
        ),
      ),
    );
    return h(
      "div",
      { class: "scroll windows" },
      h("table", {}, h("thead", {}, h("tr", {}, ...titles)), h("tbody", {}, ...rows)),
    );
  }

  return {
    element: h(
      "div",
      { class: "maintenance" },
      h(
        "div",
        { class: "heading" },
        h("h1", { tabindex: "-1" }, "Maintenance"),
        h("button", { type: "button", class: "primary", onclick: add }, "Add window"),
      ),
      h(
        "p",
        { class: "hint" },
        "While a window is on, its monitors are checked on, nobody is told, and uptime leaves the time out.",
      ),
      list,
    ),
    async load(signal) {
      const [windows, all] = await Promise.all([
        api.list<MaintenanceRow>("/v1/maintenance", signal),
        api.list<MonitorRow>("/v1/monitors", signal),
      ]);
      monitors = all;
      context.title("Maintenance");
      const wanted = new Set(windows.flatMap((window) => window.monitors ?? []));
      const names = new Map(all.filter(({ id }) => wanted.has(id)).map(({ id, name }) => [id, name]));
      renderIfChanged(list, [windows, [...names]], () => [
        windows.length > 0 ? table(inOrder(windows), names) : h("p", { class: "empty" }, "There are no windows."),
      ]);
    },
  };
}

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
