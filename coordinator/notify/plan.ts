import { groupBy } from "../../shared/group-by.ts";
import type { Traits } from "../chooses.ts";
import { chooses } from "../chooses.ts";
import type { Notice, NoticeEvent } from "./notice.ts";
import { afterQuiet } from "./quiet-hours.ts";
import type { AlertRule } from "./rule.ts";

/** Events of trouble that lasts: told again, passed on, and called off when it is over. */
export const troubles: ReadonlySet<NoticeEvent> = new Set<NoticeEvent>([
  "down",
  "degraded",
  "no_data",
  "region_impaired",
  "agent_trouble",
]);
/** Events that end trouble: only those hear of them who heard of the trouble. */
export const endings: ReadonlySet<NoticeEvent> = new Set<NoticeEvent>([
  "up",
  "data_back",
  "region_recovered",
  "agent_recovered",
  "closed",
]);

/** After a message that may not have arrived, in ms. */
const UNHEARD_MS = 60_000;
const UNHEARD_CAP_MS = 3_600_000;

/** A message that is to go to a channel. */
export interface PlannedDelivery {
  /** Follows from what is told to whom, so that planning it twice is planning it once. */
  readonly id: string;
  readonly channelId: string;
  readonly ruleId: string;
  readonly step: number;
  readonly repeat: number;
  /** When it is due, in ms since the epoch. */
  readonly dueAt: number;
}

/** A channel that was told of an incident by a rule. */
export interface Hearer {
  readonly channelId: string;
  readonly ruleId: string;
}

/**
 * Who is told of a notice, by which rule and when. A channel that several rules name
 * is told once, at the earliest of the times, and reminded by the rule that does so most often.
 * @param traits of the monitor that it is about; null for what is about a region or an agent.
 * @param hearers of an end, who may have been told of what ends.
 */
export function plan(
  notice: Notice,
  traits: Traits | null,
  rules: readonly AlertRule[],
  hearers: readonly Hearer[],
): PlannedDelivery[] {
  if (endings.has(notice.event)) return ends(notice, traits, rules, hearers);
  const telling = rules.filter((rule) => rule.enabled && tellsOf(rule, notice) && chooses(rule)(traits));
  const byChannel = groupBy(
    telling.flatMap((rule) => begins(rule, notice).map((delivery) => ({ delivery, rule }))),
    ({ delivery }) => delivery.channelId,
  );
  return [...byChannel.values()].flatMap((wanted) => {
    const [earliest] = [...wanted].sort((a, b) => a.delivery.dueAt - b.delivery.dueAt);
    const [reminding] = [...wanted].sort((a, b) => pauseOf(a.rule) - pauseOf(b.rule));
    if (!earliest || !reminding) return [];
    const ruleId = pauseOf(reminding.rule) < pauseOf(earliest.rule) ? reminding.rule.id : earliest.rule.id;
    return { ...earliest.delivery, ruleId };
  });
}

const pauseOf = ({ repeatMs }: AlertRule): number => repeatMs ?? Number.POSITIVE_INFINITY;

/** Whether rules as they are now would still tell a channel of what was planned for it. */
export function isStillWanted(
  {
    event,
    channelId,
    traits,
  }: { readonly event: NoticeEvent; readonly channelId: string; readonly traits: Traits | null },
  rules: readonly AlertRule[],
): boolean {
  return rules.some(
    (rule) =>
      rule.enabled && rule.events.some((one) => one === event) && chooses(rule)(traits) && names(rule, channelId),
  );
}

const names = ({ steps }: AlertRule, channelId: string): boolean =>
  steps.some(({ channels }) => channels.includes(channelId));

/**
 * The next reminder after a delivery; null when the rule wants none. Where nobody knows whether the channel has it,
 * one comes soon whatever the rule says, and after twice as long each time: trouble must not go unheard.
 */
export function remindAgain(
  { id, channelId, ruleId, step, repeat }: Omit<PlannedDelivery, "dueAt">,
  rule: AlertRule | undefined,
  { event, severity }: Pick<Notice, "event" | "severity">,
  now: number,
  isHeard: boolean,
): PlannedDelivery | null {
  if (!rule?.enabled || !troubles.has(event)) return null;
  const pauseMs = isHeard ? rule.repeatMs : Math.min(UNHEARD_MS * 2 ** repeat, rule.repeatMs ?? UNHEARD_CAP_MS);
  if (pauseMs === null) return null;
  const dueAt = whenTold(rule, severity, now + pauseMs);
  return { id: `${id.replace(/-r\d+$/, "")}-r${repeat + 1}`, channelId, ruleId, step, repeat: repeat + 1, dueAt };
}

/**
 * Who wants to hear of an agent's trouble hears of its end; that nobody watches any more is for those who hear of ends.
 * `data_back`, and `up` without an incident, say that results come again, which is for those who hear when they stop.
 */
function tellsOf({ events }: AlertRule, { event, incident }: Notice): boolean {
  if (event === "agent_recovered") return events.includes("agent_trouble");
  const wellAgain = incident?.kind === "vantage" ? "region_recovered" : "up";
  const wanted = event === "closed" ? wellAgain : event === "data_back" ? "up" : event;
  return events.some((one) => one === wanted) && (wanted !== "up" || incident !== null || events.includes("no_data"));
}

function begins(rule: AlertRule, notice: Notice): PlannedDelivery[] {
  const lasts = troubles.has(notice.event);
  const steps = lasts ? rule.steps : rule.steps.slice(0, 1);
  return steps.flatMap(({ afterMs, channels }, step) => {
    const at = notice.at + (lasts ? rule.delayMs + afterMs : 0) + rule.groupMs;
    const dueAt = whenTold(rule, notice.severity, at);
    return channels.map((channelId) => ({
      id: `${notice.id}-${channelId}`,
      channelId,
      ruleId: rule.id,
      step,
      repeat: 0,
      dueAt,
    }));
  });
}

/**
 * Who was woken is told that it is over, be it night, and also when the rule that told them has been switched off,
 * changed or removed since; unless the rules that are for them leave ends out.
 */
function ends(
  notice: Notice,
  traits: Traits | null,
  rules: readonly AlertRule[],
  hearers: readonly Hearer[],
): PlannedDelivery[] {
  return [...groupBy(hearers, ({ channelId }) => channelId)].flatMap(([channelId, heard]) => {
    const own = rules.filter(({ id }) => heard.some(({ ruleId }) => ruleId === id));
    const others = rules.filter((rule) => rule.enabled && names(rule, channelId) && chooses(rule)(traits));
    const concerned = [...own, ...others];
    const [telling] = concerned.filter((rule) => tellsOf(rule, notice));
    if (concerned.length > 0 && !telling) return [];
    return {
      id: `${notice.id}-${channelId}`,
      channelId,
      ruleId: telling?.id ?? heard[0]?.ruleId ?? "",
      step: 0,
      repeat: 0,
      dueAt: notice.at + (telling?.groupMs ?? 0),
    };
  });
}

function whenTold({ quietHours, urgent }: AlertRule, severity: Notice["severity"], at: number): number {
  return urgent.includes(severity) ? at : afterQuiet(quietHours, at);
}
