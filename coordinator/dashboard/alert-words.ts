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

/** What became of a message, and how it looks. */
export function deliveryState({
  state,
  lastError,
}: DeliveryDetail): readonly [string, IconName & ("up" | "down" | "degraded" | "paused" | "unknown")] {
  if (state === "sent") return ["Sent", "up"];
  if (state === "failed") return ["Failed", "down"];
  if (state === "uncertain") return ["May have arrived", "degraded"];
  if (state === "cancelled") return ["Not needed", "paused"];
  if (state === "merged") return ["Told with others", "paused"];
  return lastError === null ? ["Waiting", "unknown"] : ["Tried again", "degraded"];
}
