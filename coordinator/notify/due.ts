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
/** For these each end has to be told: they know what has ended by its key. */
const readByPrograms: ReadonlySet<ChannelType> = new Set<ChannelType>([...keepsAlerts, "webhook", "command"]);

/**
 * What becomes of deliveries that are due: called off when what they tell is over, when
 * somebody has it in hand, when no rule wants it any more, and an end of which nobody has heard
 * the beginning; put off while their monitor is in maintenance or one that it depends on is down,
 * and while an earlier message of the same has not arrived; several of one event for one channel
 * made into one message; that results come again made one with the trouble that they tell of, for people.
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
  return [...decided, ...messagesOf(ready)];
}

/** Who reads that a monitor is down has read that its results come again. */
function messagesOf(ready: readonly DueDelivery[]): Dispatched[] {
  const findings = new Map(ready.filter(isFinding).map((delivery) => [aboutOf(delivery), delivery.id]));
  const beside = new Map(
    ready.flatMap((delivery): Array<[string, string]> => {
      const finding = isSaidByFinding(delivery) ? findings.get(aboutOf(delivery)) : undefined;
      return finding === undefined ? [] : [[delivery.id, finding]];
    }),
  );
  const alike = groupBy(
    ready.filter(({ id }) => !beside.has(id)),
    groupOf,
  );
  const messages = [...alike.values()].flatMap(asOne);
  const carriers = new Map(messages.map(({ id, into = id }) => [id, into]));
  const said = [...beside].map(([id, finding]): Dispatched => {
    return { id, state: "merged", into: carriers.get(finding) ?? finding };
  });
  return [...messages, ...said];
}

const isSaidByFinding = ({ event, channelType }: DueDelivery): boolean =>
  event === "data_back" && !readByPrograms.has(channelType);
const isFinding = ({ event, repeat }: DueDelivery): boolean =>
  repeat === 0 && (event === "down" || event === "degraded");
const aboutOf = ({ channelId, monitorId }: DueDelivery): string => `${channelId} ${monitorId}`;

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
