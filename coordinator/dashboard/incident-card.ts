import type { IncidentRow } from "../http/api-types.ts";
import { formatSpan } from "../quantities.ts";
import type { Child } from "./dom.ts";
import { h } from "./dom.ts";
import { formatTime } from "./format.ts";
import { icon } from "./icons.ts";
import type { PageClock } from "./times.ts";
import { age } from "./times.ts";
import { incidentStateInWords, kindWords, verdictWords } from "./words.ts";

/** Incidents in short, each a link to its page. @param of what the page is of: its name is left out. */
export function incidentCards(
  incidents: readonly IncidentRow[],
  clock: PageClock,
  of: "monitor" | "all" = "all",
): HTMLElement {
  return h("ul", { class: "incident-cards" }, ...incidents.map((incident) => h("li", {}, card(incident, clock, of))));
}

function card(incident: IncidentRow, clock: PageClock, of: "monitor" | "all"): HTMLElement {
  const { id, level, kind, regions } = incident;
  const what = h("span", { class: `state level ${level}` }, icon(level), verdictWords[level]);
  const details: Child[] = [kindWords[kind], regions.length === 0 ? null : `: ${regions.join(", ")}`];
  return h(
    "a",
    { class: `incident-card ${incident.state} ${level}`, href: `#/incidents/${id}` },
    h("span", { class: "what" }, what, of === "all" ? h("b", { class: "subject" }, subjectOf(incident)) : null),
    h("span", { class: "sub reach" }, ...details),
    h("span", { class: "when" }, incidentStateInWords(incident), " · ", ...lasted(incident, clock)),
  );
}

/** What an incident is of. */
export function subjectOf({ monitorName, monitorId, region }: IncidentRow): string {
  return monitorName ?? monitorId ?? `Region ${region}`;
}

/** How long it has been trouble, without the time that the target was well in between. */
export function troubleSpan({ startedAt, wellMs }: IncidentRow, clock: PageClock): HTMLTimeElement {
  return age(new Date(Date.parse(startedAt) + wellMs).toISOString(), "span", clock);
}

/** Since when it has lasted, or when it began and how long it lasted. */
function lasted(incident: IncidentRow, clock: PageClock): Child[] {
  const { state, startedAt, durationMs } = incident;
  if (state === "open") return ["for ", troubleSpan(incident, clock)];
  return [h("time", { datetime: startedAt }, formatTime(startedAt)), ` for ${formatSpan(durationMs)}`];
}

/** An incident without what changes by itself while it lasts. */
export function withoutDuration({ durationMs, ...incident }: IncidentRow): object {
  return incident.state === "open" ? incident : { ...incident, durationMs };
}
