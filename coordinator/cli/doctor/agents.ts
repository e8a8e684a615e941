import { CommandFailure } from "../failure.ts";
import { type Finding, ok, skipped, trouble } from "./finding.ts";
import type { Survey } from "./survey.ts";

/** Whether every region has an agent that takes checks. */
export function checkAgents(survey: Survey | CommandFailure): Finding[] {
  if (survey instanceof CommandFailure || survey.api instanceof CommandFailure) {
    return [skipped("Agents", "the coordinator cannot be asked")];
  }
  const { regions } = survey.api;
  if (regions.length === 0) {
    return [trouble("Agents", "there is no region", "start an agent: `WATCHPOST_REGION=eu-west watchpost agent`")];
  }
  return regions.map(({ region, agents: { online, taking, total } }) => {
    const check = `Agents of ${region}`;
    if (taking > 0) {
      return ok(check, `${online} of ${total} online${taking < online ? `, ${taking} of them take checks` : ""}`);
    }
    if (online > 0) {
      return trouble(check, `${online} of ${total} online, none of which takes checks`, "see why: `watchpost agents`");
    }
    return trouble(
      check,
      total === 0 ? "there is none: checks of this region are not run" : `none of ${total} online`,
      `start one with WATCHPOST_REGION=${region}, and see in its log whether it says "BullMQ worker is ready"`,
    );
  });
}
