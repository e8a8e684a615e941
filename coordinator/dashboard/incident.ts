import type { IncidentDetail } from "../http/api-types.ts";
import { announce } from "./announce.ts";
import { ApiProblem } from "./api.ts";
import type { PageContext, View } from "./context.ts";
import { h, renderIfChanged } from "./dom.ts";
import { icon } from "./icons.ts";
import { openAcknowledge, openNote } from "./incident-actions.ts";
import { subjectOf, withoutDuration } from "./incident-card.ts";
import { courseIn, evidenceOf, incidentFacts } from "./incident-parts.ts";
import { createTold } from "./incident-told.ts";
import { incidentStateInWords, verdictWords } from "./words.ts";

/** One incident: what each region saw, its course, what was sent about it, and what people do about it. */
export function createIncident(context: PageContext, id: string): View {
  const { api, clock } = context;
  const title = h("h1", { tabindex: "-1" }, "…");
  const state = h("div", { class: "verdict" });
  const acknowledge = h("button", { type: "button", class: "primary", hidden: true }, "Acknowledge");
  const note = h("button", { type: "button", onclick: () => openNote(context, id) }, "Add note");
  acknowledge.addEventListener("click", () => openAcknowledge(context, id));
  const actions = h("div", { class: "dialog-actions" }, acknowledge, note);
  const facts = h("dl", { class: "facts" });
  const evidence = h("section", { class: "evidence", "aria-label": "What the regions saw" });
  const course = h("section", { class: "course", "aria-label": "Course" });
  const told = createTold(context);
  const content = h("div", { hidden: true }, facts, evidence, told.element, course);
  let before: string | null = null;

  function show(incident: IncidentDetail): void {
    const { level, monitorId } = incident;
    const words = incidentStateInWords(incident);
    const subject = subjectOf(incident);
    renderIfChanged(title, [subject, monitorId], () => [
      monitorId === null ? subject : h("a", { href: `#/monitors/${monitorId}` }, subject),
    ]);
    renderIfChanged(state, [level, words], () => [
      h("span", { class: `state ${level}` }, icon(level), verdictWords[level]),
      h("span", { class: "chip" }, words),
    ]);
    context.title(`${words}: ${subject}`);
    acknowledge.hidden = incident.state === "resolved" || incident.acknowledgedAt !== null;
    renderIfChanged(facts, { ...withoutDuration(incident), evidence: null, timeline: null }, () =>
      incidentFacts(incident, clock),
    );
    renderIfChanged(evidence, incident.evidence, () => evidenceOf(incident.evidence));
    renderIfChanged(course, [incident.timeline, incident.deliveries], () => courseIn(incident));
    told.show(incident);
    content.hidden = false;
    actions.hidden = false;
    if (before !== null && before !== words) announce(`${subject}: ${words}.`);
    before = words;
  }

  function showMissing(): void {
    context.title("No such incident");
    renderIfChanged(title, null, () => ["There is no such incident"]);
    state.replaceChildren();
    actions.hidden = true;
    content.hidden = true;
  }

  return {
    element: h(
      "div",
      { class: "detail incident" },
      h("a", { class: "back", href: "#/incidents" }, icon("back"), "Incidents"),
      h("div", { class: "heading" }, title, state, actions),
      content,
    ),
    isTold: true,
    async load(signal) {
      try {
        show(await api.get<IncidentDetail>(`/v1/incidents/${id}`, signal));
      } catch (thrown) {
        if (!(thrown instanceof ApiProblem && thrown.status === 404)) throw thrown;
        showMissing();
      }
    },
  };
}
