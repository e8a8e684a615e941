import type { CliContext } from "../context.ts";
import type { CommandFailure } from "../failure.ts";
import { readAccess } from "../settings.ts";
import { type Addresses, readAddresses } from "./addresses.ts";
import { checkAgents } from "./agents.ts";
import { checkAlerts } from "./alerts.ts";
import { checkClocks } from "./clock.ts";
import { checkCoordinator } from "./coordinator.ts";
import type { Finding } from "./finding.ts";
import { checkMonitors } from "./monitors.ts";
import { checkClickHouse, checkPostgres, checkQueueServer } from "./servers.ts";
import { type Survey, surveyCoordinator } from "./survey.ts";

interface Ground {
  readonly addresses: Addresses;
  /** What the coordinator tells, or why it tells nothing. */
  readonly survey: Survey | CommandFailure;
  readonly now: number;
}

/** All checks, in the order in which one would go about it by hand. */
const checks: ReadonlyArray<(ground: Ground) => Finding[] | Promise<Finding[]>> = [
  ({ addresses, survey }) => checkQueueServer(addresses, survey),
  ({ addresses, survey }) => checkPostgres(addresses, survey),
  ({ addresses, survey }) => checkClickHouse(addresses, survey),
  ({ survey }) => checkCoordinator(survey),
  ({ survey }) => checkClocks(survey),
  ({ survey }) => checkAgents(survey),
  ({ survey, now }) => checkMonitors(survey, now),
  ({ survey }) => checkAlerts(survey),
];

export async function examine({ terminal, client }: CliContext): Promise<Finding[]> {
  const addresses = readAddresses(terminal.env);
  const survey = await surveyCoordinator(readAccess(terminal.env), client(), terminal.now);
  const ground: Ground = { addresses, survey, now: terminal.now() };
  return (await Promise.all(checks.map((check) => check(ground)))).flat();
}
