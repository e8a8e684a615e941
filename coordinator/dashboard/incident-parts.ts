import type { EvidenceRow, IncidentDetail } from "../http/api-types.ts";
import { courseOf } from "../incidents/course.ts";
import { ABSENT, formatDelay, formatLatency, formatSpan } from "../quantities.ts";
import type { Child } from "./dom.ts";
import { h } from "./dom.ts";
import { errorMessage } from "./error-message.ts";
import { formatTime } from "./format.ts";
import { icon } from "./icons.ts";
import { troubleSpan } from "./incident-card.ts";
import type { PageClock } from "./times.ts";
import { kindWords, phaseWords, resolutionWords, statusWords } from "./words.ts";

/** What is known of an incident as a whole. */
export function incidentFacts(incident: IncidentDetail, clock: PageClock): HTMLElement[] {
  const { startedAt, detectedAt, confirmedAt, recoveredAt, resolvedAt, resolution, acknowledgedAt } = incident;
  const after = (iso: string) => `${formatTime(iso)}, ${formatDelay(Date.parse(iso) - Date.parse(startedAt))} later`;
  const facts: ReadonlyArray<readonly [term: string, value: readonly Child[] | null]> = [
    ["Reach", [kindWords[incident.kind]]],
    ["Started", [moment(startedAt)]],
    ["Lasted", incident.state === "open" ? [troubleSpan(incident, clock)] : [formatSpan(incident.durationMs)]],
    ["Detected", [after(detectedAt)]],
    ["Confirmed", [after(confirmedAt)]],
    ["Recovered", recoveredAt && [moment(recoveredAt)]],
    ["Resolved", resolvedAt && [moment(resolvedAt), resolution && `, ${resolutionWords[resolution]}`]],
    [
      "Acknowledged",
      acknowledgedAt && [moment(acknowledgedAt), incident.acknowledgedBy && ` by ${incident.acknowledgedBy}`],
    ],
    ["Came back", incident.failedAgainAt && cameBack(incident)],
    ["Id", [incident.id]],
  ].map(([term, value]) => [term as string, (value || null) as readonly Child[] | null]);
  return facts.flatMap(([term, value]) =>
    value === null ? [] : h("div", { class: "fact" }, h("dt", {}, term), h("dd", {}, ...value.filter(Boolean))),
  );
}

function cameBack({ reopened, failedAgainAt, wellMs }: IncidentDetail): Child[] {
  const times = reopened === 1 ? "once" : `${reopened} times`;
  return [times, ", last ", moment(failedAgainAt as string), `; well for ${formatSpan(wellMs)} in between`];
}

export const moment = (iso: string) => h("time", { datetime: iso, title: iso }, formatTime(iso));

const evidenceColumns = ["Region", "Saw", "Since", "Latency", "Phase", "Address", "What was found"];

/** What each region saw when it was last looked. */
export function evidenceOf(evidence: readonly EvidenceRow[]): HTMLElement[] {
  if (evidence.length === 0) return [];
  const cell = (title: string, ...children: readonly Child[]) =>
    h("td", { role: "cell", "data-title": title, class: title.toLowerCase().replaceAll(" ", "-") }, ...children);
  const rows = evidence.map((row) =>
    h(
      "tr",
      { role: "row" },
      h("th", { role: "rowheader", scope: "row" }, row.region),
      cell("Saw", h("span", { class: `state ${row.status}` }, icon(row.status), statusWords[row.status])),
      cell(
        "Since",
        h(
          "div",
          {},
          moment(row.since),
          row.backSince && h("span", { class: "sub" }, "well since ", moment(row.backSince)),
        ),
      ),
      cell("Latency", formatLatency(row.latencyMs)),
      cell("Phase", phaseInWords(row.phase)),
      cell("Address", row.address ?? ABSENT),
      cell("Found", ...found(row)),
    ),
  );
  return [h("h2", {}, "What the regions saw"), table(evidenceColumns, rows)];
}

function phaseInWords(phase: string | null): string {
  return phase === null ? ABSENT : (phaseWords[phase as keyof typeof phaseWords] ?? phase);
}

function found({ error, statusCode, certificate }: EvidenceRow): Child[] {
  return [
    error === null ? null : errorMessage(error),
    statusCode === null ? null : h("span", { class: "sub" }, `status ${statusCode}`),
    certificate === null
      ? null
      : h("span", { class: "sub", title: certificate }, `certificate ${certificate.slice(0, 23)}…`),
  ];
}

function table(columns: readonly string[], rows: readonly HTMLElement[]): HTMLElement {
  const titles = columns.map((title) => h("th", { role: "columnheader", scope: "col" }, title));
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { class: "cards", role: "table" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...titles)),
      h("tbody", { role: "rowgroup" }, ...rows),
    ),
  );
}

/** What happened, newest first. */
export function courseIn(incident: IncidentDetail): HTMLElement[] {
  const entries = courseOf(incident)
    .reverse()
    .map(({ at, type, title, text }) =>
      h(
        "li",
        { class: `entry ${type}` },
        moment(at),
        h("b", { class: "entry-title" }, capitalized(title)),
        text === "" ? null : h("span", { class: "message" }, text),
      ),
    );
  return [h("h2", {}, "Course"), h("ol", { class: "entries" }, ...entries)];
}

const capitalized = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
