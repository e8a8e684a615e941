import { CommandFailure } from "../failure.ts";
import { type Finding, ok, skipped, trouble } from "./finding.ts";
import type { Survey } from "./survey.ts";

/** Whether every region has a live agent. */
export function checkAgents(survey: Survey | CommandFailure): Finding[] {
  if (survey instanceof CommandFailure || survey.api instanceof CommandFailure) {
    return [skipped("Agents", "the coordinator cannot be asked")];
  }
  const { regions } = survey.api;
  if (regions.length === 0) {
    return [trouble("Agents", "there is no region", "start an agent: `WATCHPOST_REGION=eu-west watchpost agent`")];
  }
  return regions.map(({ region, agents: { online, total } }) =>
    online > 0
      ? ok(`Agents of ${region}`, `${online} of ${total} online`)
      : trouble(
          `Agents of ${region}`,
          total === 0 ? "there is none: checks of this region are not run" : `none of ${total} online`,
          `start one with WATCHPOST_REGION=${region}, and see in its log whether it says "BullMQ worker is ready"`,
        ),
  );
}
