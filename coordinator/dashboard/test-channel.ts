import type { ChannelRow, DeliveryDetail } from "../http/api-types.ts";
import { announce } from "./announce.ts";
import type { Api } from "./api.ts";
import type { PageContext } from "./context.ts";
import { h } from "./dom.ts";
import { icon } from "./icons.ts";

/** Longer than a channel may take for one try, in ms. */
const PATIENCE_MS = 25_000;
const LOOK_EVERY_MS = 400;

/** A button that sends a message through a channel, and the place where it says what became of it. */
export function createTester({ api, isSignedOutBy, refresh }: PageContext, { id, name }: ChannelRow) {
  const outcome = h("div", { class: "outcome" });
  const button = h("button", { type: "button", "aria-label": `Test ${name}`, onclick: () => void test() }, "Test");

  async function test(): Promise<void> {
    // Not disabled, which would take the focus away.
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    outcome.replaceChildren(h("span", { class: "state" }, "Sending …"));
    try {
      const { deliveryId } = await api.post<{ readonly deliveryId: string }>(`/v1/channels/${id}/test`, {});
      const delivery = await outcomeOf(api, deliveryId);
      if (delivery.state === "sent") showSuccess();
      else showFailure(reasonOf(delivery));
    } catch (thrown) {
      if (!isSignedOutBy(thrown)) showFailure((thrown as Error).message);
    } finally {
      button.removeAttribute("aria-disabled");
      refresh();
    }
  }

  function showSuccess(): void {
    outcome.replaceChildren(h("span", { class: "state up" }, icon("up"), "Sent"));
    announce(`The test was sent through ${name}.`);
  }

  function showFailure(reason: string): void {
    outcome.replaceChildren(h("span", { class: "state down" }, icon("down"), h("span", {}, `Not sent: ${reason}`)));
    announce(`The test was not sent through ${name}: ${reason}`);
  }

  return { button, outcome };
}

/** The delivery once it has ended or a try of it has failed, or as it is when patience ends. */
async function outcomeOf(api: Api, id: string): Promise<DeliveryDetail> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const delivery = await api.get<DeliveryDetail>(`/v1/deliveries/${id}`);
    const isDecided = delivery.endedAt !== null || delivery.lastError !== null;
    if (isDecided || performance.now() >= giveUpAt) return delivery;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

function reasonOf({ state, endedAt, lastError }: DeliveryDetail): string {
  if (lastError === null) return endedAt === null ? "nothing has sent it yet" : `it was ${state}`;
  return endedAt === null ? `${lastError}; it is tried again` : lastError;
}
