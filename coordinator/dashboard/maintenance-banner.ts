import { chooses } from "../chooses.ts";
import type { MaintenanceRow, MonitorRow } from "../http/api-types.ts";
import type { Api } from "./api.ts";
import { h, renderIfChanged } from "./dom.ts";
import { formatTime } from "./format.ts";
import { icon } from "./icons.ts";

/** Says, of a monitor in maintenance, by which windows, until when and why. */
export function createMaintenanceBanner(api: Api) {
  const element = h("div", { class: "in-maintenance", hidden: true });
  return {
    element,
    async update({ id, tags = [], type, status }: MonitorRow, signal: AbortSignal): Promise<void> {
      element.hidden = status.verdict !== "maintenance";
      if (element.hidden) return;
      const windows = (await api.list<MaintenanceRow>("/v1/maintenance", signal)).filter(
        ({ active, monitors = [], tags: marks = [], types = [] }) =>
          active && chooses({ monitors, tags: marks, types })({ id, tags, type }),
      );
      renderIfChanged(element, windows, () => [
        icon("maintenance"),
        h(
          "div",
          {},
          h("strong", {}, "In maintenance: it is checked on, and nobody is told. "),
          h("a", { href: "#/maintenance" }, "All windows"),
          ...windows.map(({ name, reason, next }) =>
            h("p", {}, `${name}${reason ? ` (${reason})` : ""}${next ? `, until ${formatTime(next.to)}` : ""}`),
          ),
        ),
      ]);
    },
  };
}
