import { groupBy } from "../../shared/group-by.ts";
import type { Dispatched, DueDelivery } from "../store/deliveries.ts";
import type { ChannelType } from "./channels/channel.ts";
import { group } from "./group.ts";
import { troubles } from "./plan.ts";

/** How often it is looked again whether what silences a delivery has ended, in ms. */
const SILENCED_EVERY_MS = 2_000;
/** Services that keep an alert per incident: a message over several could not be closed for one. */
const keepsAlerts: ReadonlySet<ChannelType> = new Set<ChannelType>(["pagerduty", "opsgenie"]);

/**
 * What becomes of deliveries that are due: called off when what they tell is over, or
 * somebody has it in hand; put off while their monitor is in maintenance or one that it depends on is down;
 * several of one event for one channel made into one message.
 */
export function decideDue(due: readonly DueDelivery[], now: number): Dispatched[] {
  const decided: Dispatched[] = [];
  const ready: DueDelivery[] = [];
  for (const delivery of due) {
    const isTrouble = troubles.has(delivery.event);
    const isFollowUp = delivery.step > 0 || delivery.repeat > 0;
    if (isTrouble && (delivery.isOver || (isFollowUp && delivery.isAcknowledged))) {
      decided.push({ id: delivery.id, state: "cancelled" });
    } else if (isTrouble && delivery.isSilenced) {
      decided.push({ id: delivery.id, state: "planned", dueAt: now + SILENCED_EVERY_MS });
    } else ready.push(delivery);
  }
  const alike = groupBy(ready, groupOf);
  return [...decided, ...[...alike.values()].flatMap(asOne)];
}

function groupOf({ id, channelId, channelType, ruleId, event, step, repeat }: DueDelivery): string {
  const isSingle = event === "test" || keepsAlerts.has(channelType);
  return isSingle ? id : [channelId, ruleId, event, step, repeat > 0].join(" ");
}

function asOne(deliveries: readonly DueDelivery[]): Dispatched[] {
  const [first, ...others] = [...deliveries].sort((a, b) => a.dueAt - b.dueAt || (a.id < b.id ? -1 : 1));
  if (!first) return [];
  if (others.length === 0) return [{ id: first.id, state: "queued" }];
  const content = { ...group([first.content, ...others.map((other) => other.content)]), id: first.id };
  return [
    { id: first.id, state: "queued", content },
    ...others.map(({ id }): Dispatched => ({ id, state: "merged", into: first.id })),
  ];
}
