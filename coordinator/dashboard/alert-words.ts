import type { AlertRuleRow, DeliveryDetail } from "../http/api-types.ts";
import type { IconName } from "./icons.ts";

type RuleEvent = AlertRuleRow["events"][number];

/** What a rule can tell of. */
export const eventWords: Readonly<Record<RuleEvent, string>> = {
  down: "down",
  up: "up again",
  degraded: "degraded",
  flapping: "flapping",
  no_data: "no data",
  certificate_expiring: "certificate expires",
  region_impaired: "region impaired",
  region_recovered: "region recovered",
  agent_trouble: "agent trouble",
};

/** How bad what is told of is. */
export const severityWords: Readonly<Record<AlertRuleRow["urgent"][number], string>> = {
  critical: "critical",
  warning: "warning",
  info: "info",
  ok: "ok: it is over",
};

const channelTypes: Readonly<Record<string, string>> = {
  webhook: "Webhook",
  email: "E-mail",
  slack: "Slack",
  discord: "Discord",
  teams: "Microsoft Teams",
  telegram: "Telegram",
  pagerduty: "PagerDuty",
  opsgenie: "Opsgenie",
  pushover: "Pushover",
  gotify: "Gotify",
  mattermost: "Mattermost",
  matrix: "Matrix",
  googlechat: "Google Chat",
  twilio: "SMS through Twilio",
  command: "Command",
};

/** A type of channel as its vendor calls it. */
export const channelTypeWord = (type: string): string => channelTypes[type] ?? type;

/** What became of a message, and how it looks. */
export function deliveryState({
  state,
  lastError,
}: Pick<DeliveryDetail, "state" | "lastError">): readonly [
  string,
  IconName & ("up" | "down" | "degraded" | "paused" | "unknown"),
] {
  if (state === "sent") return ["Sent", "up"];
  if (state === "failed") return ["Failed", "down"];
  if (state === "uncertain") return ["May have arrived", "degraded"];
  if (state === "cancelled") return ["Not needed", "paused"];
  if (state === "merged") return ["Told with others", "paused"];
  return lastError === null ? ["Waiting", "unknown"] : ["Tried again", "degraded"];
}
