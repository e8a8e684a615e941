import { CommandFailure } from "../failure.ts";
import { type Finding, ok, skipped, trouble } from "./finding.ts";
import type { Survey } from "./survey.ts";

/** Whether the coordinator answers, takes the token, and has all that it needs. */
export function checkCoordinator(survey: Survey | CommandFailure): Finding[] {
  if (survey instanceof CommandFailure) {
    return [
      trouble("Coordinator", survey.message, survey.remedy ?? "see its log"),
      skipped("Admin token", "the coordinator does not answer"),
    ];
  }
  const missing = Object.entries(survey.readiness).filter(([, { ok }]) => !ok);
  return [
    missing.length === 0
      ? ok("Coordinator", `ready at ${survey.url}`)
      : trouble(
          "Coordinator",
          `answers at ${survey.url} and is not ready: ${missing.map(([name, { reason }]) => `${name} (${reason ?? "no reason given"})`).join(", ")}`,
          "mend what it names as missing; it goes on by itself",
        ),
    checkToken(survey),
  ];
}

function checkToken({ api }: Survey): Finding {
  if (!(api instanceof CommandFailure)) return ok("Admin token", "accepted");
  return trouble("Admin token", api.message, api.remedy ?? "see the coordinator's log");
}
