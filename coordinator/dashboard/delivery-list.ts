import type { DeliveryDetail } from "../http/api-types.ts";
import { deliveryState } from "./alert-words.ts";
import { announce } from "./announce.ts";
import type { Api, Page } from "./api.ts";
import { attempt } from "./attempt.ts";
import type { PageContext } from "./context.ts";
import type { Kept } from "./dom.ts";
import { h, renderIfChanged } from "./dom.ts";
import { icon } from "./icons.ts";
import { createListSection, listRow } from "./list-section.ts";
import { age } from "./times.ts";

const FAILED_SHOWN = 20;
const LATEST_SHOWN = 20;

interface Item {
  readonly id: string;
  readonly delivery: DeliveryDetail;
  readonly channelName: string;
}

/** What a person has to decide on: whether to send it again. */
const undecided: ReadonlySet<DeliveryDetail["state"]> = new Set<DeliveryDetail["state"]>(["failed", "uncertain"]);

/** The latest messages, first those that failed, or may have. */
export async function loadDeliveries(api: Api, signal: AbortSignal): Promise<DeliveryDetail[]> {
  const read = (query: string) => api.get<Page<DeliveryDetail>>(`/v1/deliveries?${query}`, signal);
  const [latest, ...lists] = await Promise.all([
    read(`limit=${LATEST_SHOWN}`),
    ...[...undecided].map((state) => read(`state=${state}&limit=${FAILED_SHOWN}`)),
  ]);
  return [...lists.flatMap(({ data }) => data), ...latest.data.filter(({ state }) => !undecided.has(state))];
}

/** What people were told, or could not be. */
export function createDeliveryList(context: PageContext) {
  const section = createListSection<Item>({
    title: "Deliveries",
    columns: ["Message", "State", "Channel", "When"],
    action: null,
    empty: "Nobody was told anything yet.",
    create: ({ delivery }) => createRow(context, delivery),
  });
  return {
    element: section.element,
    /** @param names the channels' names by their ids. */
    show(deliveries: readonly DeliveryDetail[], names: ReadonlyMap<string, string>): void {
      section.show(
        deliveries.map((delivery) => ({
          id: delivery.id,
          delivery,
          channelName: names.get(delivery.channelId) ?? "(removed)",
        })),
      );
    },
  };
}

function createRow(context: PageContext, { id, title, createdAt }: DeliveryDetail): Kept<Item> {
  const [name, state, channel] = [h("span"), h("div", { class: "outcome" }), h("span")];
  async function again(): Promise<void> {
    const work = () => context.api.post(`/v1/deliveries/${id}/retry`, {});
    if (await attempt(context, `${title} was not sent again`, work)) announce(`${title} is sent again.`);
  }
  const retry = h("button", { type: "button", "aria-label": `Retry ${title}`, onclick: () => void again() }, "Retry");
  return {
    element: listRow(name, [state, channel, age(createdAt, "ago", context.clock)], [retry]),
    update({ delivery, channelName }) {
      const [word, look] = deliveryState(delivery);
      const reason = delivery.state === "sent" ? null : delivery.lastError;
      renderIfChanged(name, delivery.title, () => [delivery.title]);
      renderIfChanged(state, [word, reason], () => [
        h("span", { class: `state ${look}` }, icon(look), word),
        reason === null ? null : h("span", { class: "sub" }, reason),
      ]);
      renderIfChanged(channel, channelName, () => [channelName]);
      retry.hidden = !undecided.has(delivery.state);
    },
  };
}
