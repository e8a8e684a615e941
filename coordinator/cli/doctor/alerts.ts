import { reachesSomeone } from "../../notify/reach.ts";
import { CommandFailure } from "../failure.ts";
import { advice, type Finding, ok, skipped } from "./finding.ts";
import type { Survey } from "./survey.ts";

/** Whether anybody is told when something is down. To look on by oneself is no mistake, so it is advice. */
export function checkAlerts(survey: Survey | CommandFailure): Finding[] {
  if (survey instanceof CommandFailure || survey.api instanceof CommandFailure) {
    return [skipped("Alerts", "the coordinator cannot be asked")];
  }
  const { rules, channels } = survey.api;
  const enabled = rules.filter((rule) => rule.enabled);
  if (enabled.length === 0) {
    const remedy = "add a channel (`watchpost channels add --help`) and a rule (`watchpost rules add --help`)";
    return [advice("Alerts", "no rule is enabled: nobody is told when something is down", remedy)];
  }
  if (!reachesSomeone(rules, channels)) {
    const remedy = "add a channel (`watchpost channels add --help`), and name it in a rule";
    return [advice("Alerts", "no rule leads to a channel that is enabled: nobody is told", remedy)];
  }
  return [ok("Alerts", `${enabled.length} ${enabled.length === 1 ? "rule" : "rules"} enabled`)];
}
