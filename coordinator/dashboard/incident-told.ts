import type { IncidentDeliveryRow, IncidentDetail } from "../http/api-types.ts";
import { formatDelay } from "../quantities.ts";
import { channelTypeWord, deliveryState } from "./alert-words.ts";
import { announce } from "./announce.ts";
import { attempt } from "./attempt.ts";
import type { PageContext } from "./context.ts";
import type { Child, Kept } from "./dom.ts";
import { h, renderIfChanged } from "./dom.ts";
import { icon } from "./icons.ts";
import { moment } from "./incident-parts.ts";
import { createListSection, listRow } from "./list-section.ts";

/** What can be sent again: it failed, or nobody knows whether it arrived. */
const undecided: ReadonlySet<string> = new Set(["failed", "uncertain"]);

/** Who was told of an incident, through which channel, and whether that arrived. */
export function createTold(context: PageContext) {
  const nobody = h(
    "p",
    { class: "nobody", hidden: true },
    "Nobody was told of it. ",
    h("a", { href: "#/alerts" }, "Rules and channels"),
  );
  const section = createListSection<IncidentDeliveryRow>({
    title: "Messages",
    columns: ["Channel", "Told of", "State", "When"],
    action: null,
    empty: "",
    create: (delivery) => createRow(context, delivery),
  });
  const element = h("div", { class: "alerts" }, section.element);
  section.element.querySelector(".empty")?.replaceWith(nobody);
  return {
    element,
    show({ deliveries }: IncidentDetail): void {
      section.show(deliveries);
      nobody.hidden = deliveries.length > 0;
    },
  };
}

function createRow(
  context: PageContext,
  { id, mergedInto, channelName }: IncidentDeliveryRow,
): Kept<IncidentDeliveryRow> {
  const [channel, what, state, when] = [h("span"), h("span"), h("div", { class: "outcome" }), h("span")];
  async function again(): Promise<void> {
    const work = () => context.api.post(`/v1/deliveries/${mergedInto ?? id}/retry`, {});
    if (await attempt(context, `${channelName} was not told again`, work)) announce(`${channelName} is told again.`);
  }
  const retry = h(
    "button",
    { type: "button", "aria-label": `Send to ${channelName} again`, onclick: () => void again() },
    "Retry",
  );
  return {
    element: listRow(channel, [what, state, when], [retry]),
    update(delivery) {
      renderIfChanged(channel, delivery.channelName, () => [
        delivery.channelName,
        h("span", { class: "sub" }, channelTypeWord(delivery.channelType)),
      ]);
      renderIfChanged(what, inWords(delivery), () => [inWords(delivery)]);
      renderIfChanged(state, { ...delivery }, () => stateOf(delivery));
      renderIfChanged(when, [delivery.outcome, delivery.endedAt, delivery.dueAt], () => whenOf(delivery));
      retry.hidden = !undecided.has(delivery.outcome);
    },
  };
}

function inWords({ event, repeat, step }: IncidentDeliveryRow): string {
  const parts = [event.replaceAll("_", " "), repeat > 0 && `reminder ${repeat}`, step > 0 && `step ${step + 1}`];
  return parts.filter(Boolean).join(", ");
}

function stateOf({ outcome, lastError, attempts, mergedInto }: IncidentDeliveryRow): Child[] {
  const [word, look] = deliveryState({ state: outcome, lastError });
  const more = [
    mergedInto !== null && "in one message with others",
    attempts > 1 && `${attempts} tries`,
    outcome !== "sent" && lastError,
  ].filter((part) => typeof part === "string");
  return [
    h("span", { class: `state ${look}` }, icon(look), word),
    more.length === 0 ? null : h("span", { class: "sub" }, more.join("; ")),
  ];
}

/** When it ended, and how long that took; until then, when it is due. */
function whenOf({ outcome, createdAt, dueAt, endedAt }: IncidentDeliveryRow): Child[] {
  if (endedAt === null) return outcome === "planned" ? ["due ", moment(dueAt)] : [moment(createdAt)];
  const took = formatDelay(Date.parse(endedAt) - Date.parse(createdAt));
  return [moment(endedAt), outcome === "sent" ? h("span", { class: "sub" }, `${took} after it was decided`) : null];
}
