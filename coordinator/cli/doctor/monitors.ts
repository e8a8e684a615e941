import { parseDuration } from "../../../shared/duration.ts";
import type { MonitorRow } from "../../http/api-types.ts";
import { CommandFailure } from "../failure.ts";
import { oneLine } from "../table.ts";
import { type Finding, ok, skipped, trouble } from "./finding.ts";
import type { Survey } from "./survey.ts";

/** Time for a result to come through all queues and be stored, in ms. */
const TRAVEL_MS = 10_000;
const NAMED_AT_MOST = 3;

/** What an operator can do about an agent's own trouble, by its error code. */
const remedies: Readonly<Record<string, string>> = {
  address_forbidden: "set WATCHPOST_ALLOW_PRIVATE_ADDRESSES=true on agents that may reach private addresses",
  agent_resources: "raise the agent's limit of open files, or lower WATCHPOST_AGENT_CONCURRENCY",
  agent_network: "see to the network of the agent's machine",
};

/** Whether the monitors that are enabled have results no older than they should be, and results of the target. */
export function checkMonitors(survey: Survey | CommandFailure, now: number): Finding[] {
  if (survey instanceof CommandFailure || survey.api instanceof CommandFailure) {
    return [skipped("Monitors", "the coordinator cannot be asked")];
  }
  const { monitors } = survey.api;
  const enabled = monitors.filter((monitor) => monitor.enabled !== false);
  if (monitors.length === 0) return [ok("Monitors", "none yet: `watchpost monitors add --url URL` adds one")];
  if (enabled.length === 0) {
    return [trouble("Monitors", `all ${monitors.length} are paused`, "`watchpost monitors resume MONITOR`")];
  }
  return [checkFreshness(enabled, now), ...agentErrors(enabled)];
}

function checkFreshness(enabled: readonly MonitorRow[], now: number): Finding {
  const late = enabled.filter((monitor) => isLate(monitor, now));
  if (late.length === 0) return ok("Monitors", `${enabled.length} enabled, all checked when due`);
  return trouble(
    "Monitors",
    `${late.length} of ${enabled.length} enabled have no fresh result, such as ${named(late)}`,
    "mend what is wrong above; else see the logs of coordinator and agents",
  );
}

/** One finding for each way in which agents fail, and not the targets. */
function agentErrors(enabled: readonly MonitorRow[]): Finding[] {
  const codesOf = ({ status }: MonitorRow) =>
    Object.values(status.regions).flatMap(({ status, error }) => (status === "error" && error ? error.code : []));
  return [...new Set(enabled.flatMap(codesOf))].map((code) => {
    const failing = enabled.filter((monitor) => codesOf(monitor).includes(code));
    const remedy = remedies[code] ?? "see the agents' logs";
    return trouble("Checks", `agents cannot check ${named(failing)}: ${code}`, remedy);
  });
}

function named(monitors: readonly MonitorRow[]): string {
  return monitors
    .slice(0, NAMED_AT_MOST)
    .map(({ name }) => `"${oneLine(name)}"`)
    .join(", ");
}

/** No region has reported for two intervals and a timeout. */
function isLate({ interval, timeout, updatedAt, status }: MonitorRow, now: number): boolean {
  const span = 2 * (parseDuration(interval ?? "60s") ?? 0) + (parseDuration(timeout ?? "10s") ?? 0) + TRAVEL_MS;
  const checks = Object.values(status.regions).map(({ lastCheckAt }) => Date.parse(lastCheckAt));
  return Math.max(Date.parse(updatedAt), ...checks) + span < now;
}
