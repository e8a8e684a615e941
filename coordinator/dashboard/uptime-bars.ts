import type { UptimeRow } from "../http/api-types.ts";
import { formatShare, formatSpan } from "../quantities.ts";
import { h } from "./dom.ts";

const DAYS = 90;
/** The least of a bar that a day's downtime takes: a minute of 1,440 could not be seen. */
const LEAST_SHARE = 0.15;
/** More days than this are counted and not named. */
const MAX_NAMED = 10;

type Day = UptimeRow["days"][number];

/** One bar per day, the oldest first: full while it was up, cut from above by its downtime, hollow where nothing is known. */
export function dayBars(days: readonly Day[]): HTMLElement {
  const shown = days.slice(0, DAYS).toReversed();
  const empty = Array.from({ length: DAYS - shown.length }, () =>
    h("span", { class: "day none", title: "Not watched yet" }),
  );
  return h(
    "div",
    { class: "days" },
    h("div", { class: "bars", role: "img", "aria-label": inWords(shown) }, ...empty, ...shown.map(bar)),
    h("div", { class: "scale", "aria-hidden": "true" }, h("span", {}, `${DAYS} days ago`), h("span", {}, "today")),
  );
}

function bar(day: Day): HTMLElement {
  const element = h("span", { class: `day ${kindOf(day)}`, title: dayInWords(day) });
  const { downMs } = day.durations;
  if (downMs === 0) return element;
  const down = h("span", { class: "share" });
  down.style.height = `${100 * shareShown(downMs / day.observedMs)}%`;
  element.append(down);
  return element;
}

/** Short outages are drawn longer than they were, so that they are seen; long ones as they were. */
function shareShown(share: number): number {
  return Math.min(1, LEAST_SHARE + (1 - LEAST_SHARE) * share);
}

function kindOf({ observedMs, durations: { degradedMs, downMs } }: Day): string {
  if (observedMs === 0) return "none";
  return downMs === 0 && degradedMs > 0 ? "degraded" : "up";
}

function dayInWords({ date, uptime, durations }: Day): string {
  const { downMs, degradedMs, maintenanceMs, pausedMs, unknownMs } = durations;
  const parts = [
    ["down", downMs],
    ["degraded", degradedMs],
    ["in maintenance", maintenanceMs],
    ["paused", pausedMs],
    ["unknown", unknownMs],
  ] as const;
  const told = parts.filter(([, ms]) => ms >= 1_000).map(([word, ms]) => `${word} ${formatSpan(ms)}`);
  return [`${date} (UTC)`, `uptime ${formatShare(uptime)}`, ...told].join(", ");
}

function inWords(days: readonly Day[]): string {
  const bad = days.filter(({ durations }) => durations.downMs > 0).toReversed();
  if (bad.length === 0) return `Last ${DAYS} days: no downtime.`;
  const named = bad.slice(0, MAX_NAMED).map(({ date, durations }) => `${date} ${formatSpan(durations.downMs)}`);
  const more = bad.length > MAX_NAMED ? ` and ${bad.length - MAX_NAMED} more days` : "";
  return `Last ${DAYS} days: down on ${named.join(", ")}${more}.`;
}
