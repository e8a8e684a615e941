import type { UptimeRow } from "../http/api-types.ts";
import { ABSENT, formatDelay, formatShare, formatSpan } from "../quantities.ts";
import type { PageContext } from "./context.ts";
import { h, renderIfChanged } from "./dom.ts";
import { dayBars } from "./uptime-bars.ts";

/** It costs the coordinator more than the rest of the page, and changes slowly; in ms. */
const EVERY_MS = 30_000;

type Window = UptimeRow["windows"][number];

const titles: Readonly<Record<Window["window"], string>> = {
  "24h": "24 hours",
  "7d": "7 days",
  "30d": "30 days",
  "90d": "90 days",
};

/** A monitor's uptime over several windows, each beside its coverage, and day by day. */
export function createUptime({ api }: PageContext, monitorId: string) {
  const element = h("section", { class: "uptime", "aria-label": "Uptime" });
  let loadedAt = Number.NEGATIVE_INFINITY;

  function show({ windows, days }: UptimeRow): void {
    renderIfChanged(element, [windows.map(tileKey), days], () => [
      h("h2", {}, "Uptime"),
      h("ul", { class: "tiles" }, ...windows.map(tile)),
      dayBars(days),
    ]);
  }

  return {
    element,
    async load(signal: AbortSignal): Promise<void> {
      if (performance.now() - loadedAt < EVERY_MS) return;
      show(await api.get<UptimeRow>(`/v1/monitors/${monitorId}/uptime`, signal));
      loadedAt = performance.now();
    },
  };
}

function tileKey({ from: _, to: __, durations: ___, observedMs: ____, ...shown }: Window): unknown {
  return shown;
}

function tile({ window, uptime, coverage, durations, incidents, errorBudget }: Window): HTMLElement {
  const { downMs } = durations;
  const { down, mttrMs, mttdMs } = incidents;
  const outages = down === 0 ? "no outage" : `${down} ${down === 1 ? "outage" : "outages"}, ${formatSpan(downMs)} down`;
  const means = [
    mttdMs === null ? null : `found in ${formatDelay(mttdMs)}`,
    mttrMs === null ? null : `over in ${formatDelay(mttrMs)}`,
  ].filter((part) => part !== null);
  return h(
    "li",
    { class: "tile" },
    h("h3", { class: "tile-title" }, titles[window]),
    h("b", { class: "figure" }, formatShare(uptime)),
    h("span", { class: "sub" }, `coverage ${formatShare(coverage)}`),
    h("span", { class: "sub" }, uptime === null ? ABSENT : outages),
    means.length === 0 ? null : h("span", { class: "sub" }, means.join(", ")),
    errorBudget === null ? null : budget(errorBudget),
  );
}

function budget({ slo, leftMs, allowedMs, burnRate }: NonNullable<Window["errorBudget"]>): HTMLElement {
  const isOver = leftMs < 0;
  const left = isOver
    ? `overspent by ${formatSpan(-leftMs)}`
    : `${formatSpan(leftMs)} of ${formatSpan(allowedMs)} left`;
  const rate = burnRate === null ? "" : `, burning ${burnRate.toFixed(burnRate < 10 ? 1 : 0)}×`;
  return h(
    "span",
    { class: isOver ? "sub budget over" : "sub budget", title: `Objective: ${slo} % of the observed time` },
    `${slo} %: ${left}${rate}`,
  );
}
