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
const endings: ReadonlySet<NoticeEvent> = new Set<NoticeEvent>(["up", "region_recovered", "agent_recovered"]);

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
 * is told once, at the earliest of the times.
 * @param traits of the monitor that it is about; null for what is about a region or an agent.
 * @param hearers who was told of the incident, or of the agent's trouble, so far.
 */
export function plan(
  notice: Notice,
  traits: Traits | null,
  rules: readonly AlertRule[],
  hearers: readonly Hearer[],
): PlannedDelivery[] {
  const wanted = rules
    .filter((rule) => rule.enabled && tellsOf(rule, notice) && chooses(rule)(traits))
    .flatMap((rule) =>
      endings.has(notice.event) && (notice.incident || notice.trouble)
        ? ends(rule, notice, hearers)
        : begins(rule, notice),
    );
  const earliest = new Map<string, PlannedDelivery>();
  for (const delivery of wanted) {
    const other = earliest.get(delivery.id);
    if (!other || delivery.dueAt < other.dueAt) earliest.set(delivery.id, delivery);
  }
  return [...earliest.values()];
}

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

/** Who wants to hear of an agent's trouble hears of its end. `up` without an incident says that results come again, which is for those who hear when they stop. */
function tellsOf({ events }: AlertRule, { event, incident }: Notice): boolean {
  if (event === "agent_recovered") return events.includes("agent_trouble");
  return events.some((one) => one === event) && (event !== "up" || incident !== null || events.includes("no_data"));
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

/** Who was woken is told that it is over, be it night. */
function ends(rule: AlertRule, notice: Notice, hearers: readonly Hearer[]): PlannedDelivery[] {
  return hearers
    .filter(({ ruleId }) => ruleId === rule.id)
    .map(({ channelId }) => ({
      id: `${notice.id}-${channelId}`,
      channelId,
      ruleId: rule.id,
      step: 0,
      repeat: 0,
      dueAt: notice.at + rule.groupMs,
    }));
}

function whenTold({ quietHours, urgent }: AlertRule, severity: Notice["severity"], at: number): number {
  return urgent.includes(severity) ? at : afterQuiet(quietHours, at);
}
