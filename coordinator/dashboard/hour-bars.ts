import type { UptimeDayRow } from "../http/api-types.ts";
import { formatShare } from "../quantities.ts";
import type { Child } from "./dom.ts";
import { h } from "./dom.ts";
import { drawing } from "./icons.ts";

type Worst = UptimeDayRow["hours"][number];

/** In which the bars are drawn; they differ in height too, so that none is told by colour alone. */
const HEIGHT = 20;
const STEP = 4;
const WIDTH = 3;
const heights: Readonly<Record<NonNullable<Worst> | "none", number>> = { down: 20, degraded: 15, up: 11, none: 2 };

/** A bar for each of the last 24 hours, as bad as the worst of it, and the uptime; nothing before it is known. */
export function lastDay(row: UptimeDayRow | null): Child[] {
  if (row === null) return [];
  const { hours, uptime } = row;
  const kinds = Object.keys(heights) as Array<keyof typeof heights>;
  const bars = kinds.map((kind) => ({ kind, path: pathOf(hours, kind) })).filter(({ path }) => path !== "");
  const picture = drawing(`0 0 ${hours.length * STEP - (STEP - WIDTH)} ${HEIGHT}`, "hours", bars);
  return [picture, h("span", { class: "share" }, formatShare(uptime))];
}

function pathOf(hours: readonly Worst[], kind: keyof typeof heights): string {
  const height = heights[kind];
  return hours
    .map((worst, n) => ((worst ?? "none") === kind ? `M${n * STEP} ${HEIGHT}v${-height}h${WIDTH}v${height}z` : ""))
    .join("");
}

/** The same in words. */
export function lastDayInWords({ hours, uptime }: UptimeDayRow): string {
  const having = (kind: Worst) => hours.filter((worst) => worst === kind).length;
  const parts = (["down", "degraded"] as const).map((kind) => [kind, having(kind)] as const);
  const told = parts
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${kind} in ${count} of ${hours.length} hours`);
  return [`Uptime over the last 24 hours ${formatShare(uptime)}`, ...told].join(", ");
}
