import { groupBy } from "../../shared/group-by.ts";
import type { Dispatched, DueDelivery } from "../store/deliveries.ts";
import type { ChannelType } from "./channels/channel.ts";
import { group } from "./group.ts";
import { endings, isStillWanted, troubles } from "./plan.ts";
import type { AlertRule } from "./rule.ts";
import { isSilencedBy } from "./silence.ts";

/** How often it is looked again whether what silences a delivery has ended, in ms. */
const SILENCED_EVERY_MS = 2_000;
/** How often it is looked again whether the message before has arrived, in ms. */
const BEHIND_EVERY_MS = 500;
/** Services that keep an alert per incident: a message over several could not be closed for one. */
const keepsAlerts: ReadonlySet<ChannelType> = new Set<ChannelType>(["pagerduty", "opsgenie"]);

/**
 * What becomes of deliveries that are due: called off when what they tell is over, when
 * somebody has it in hand, when no rule wants it any more, and an end of which nobody has heard
 * the beginning; put off while their monitor is in maintenance or one that it depends on is down,
 * and while an earlier message of the same has not arrived; several of one event for one channel
 * made into one message.
 */
export function decideDue(due: readonly DueDelivery[], rules: readonly AlertRule[], now: number): Dispatched[] {
  const decided: Dispatched[] = [];
  const ready: DueDelivery[] = [];
  const putOff = ({ id }: DueDelivery, forMs: number) => decided.push({ id, state: "planned", dueAt: now + forMs });
  for (const delivery of due) {
    if (isCalledOff(delivery, rules)) decided.push({ id: delivery.id, state: "cancelled" });
    else if (isSilenced(delivery, now)) putOff(delivery, SILENCED_EVERY_MS);
    else if (delivery.isBehind) putOff(delivery, BEHIND_EVERY_MS);
    else if (endings.has(delivery.event) && !delivery.isHeard) decided.push({ id: delivery.id, state: "cancelled" });
    else ready.push(delivery);
  }
  const alike = groupBy(ready, groupOf);
  return [...decided, ...[...alike.values()].flatMap(asOne)];
}

function isCalledOff(delivery: DueDelivery, rules: readonly AlertRule[]): boolean {
  const { event, step, repeat, isOver, isAcknowledged } = delivery;
  if (event === "test" || endings.has(event)) return false;
  const isFollowUp = step > 0 || repeat > 0;
  if (troubles.has(event) && (isOver || (isFollowUp && isAcknowledged))) return true;
  return !isStillWanted(delivery, rules);
}

function isSilenced({ event, inMaintenance, above, startedAt, content, inDoubt }: DueDelivery, now: number): boolean {
  if (!troubles.has(event)) return false;
  return inMaintenance || (above !== null && isSilencedBy(above, { startedAt, toldAt: content.at, inDoubt }, now));
}

function groupOf({ id, channelId, channelType, ruleId, event, step, repeat }: DueDelivery): string {
  const isSingle = event === "test" || keepsAlerts.has(channelType);
  return isSingle ? id : [channelId, ruleId, event, step, repeat > 0].join(" ");
}

function asOne(deliveries: readonly DueDelivery[]): Dispatched[] {
  const [first, ...others] = [...deliveries].sort((a, b) => a.dueAt - b.dueAt || (a.id < b.id ? -1 : 1));
  if (!first) return [];
  if (others.length === 0) return [{ id: first.id, state: "queued" }];
  const message = { ...group([first.content, ...others.map((other) => other.content)]), id: first.id };
  return [
    { id: first.id, state: "queued", message },
    ...others.map(({ id }): Dispatched => ({ id, state: "merged", into: first.id })),
  ];
}
