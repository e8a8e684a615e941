import { parseDuration } from "../../../shared/duration.ts";
import { CommandFailure } from "../failure.ts";
import type { MonitorRow } from "../rows.ts";
import { oneLine } from "../table.ts";
import { type Finding, ok, skipped, trouble } from "./finding.ts";
import type { Survey } from "./survey.ts";

/** Time for a result to come through all queues and be stored, in ms. */
const TRAVEL_MS = 10_000;
const NAMED_AT_MOST = 3;

/** Whether the monitors that are enabled have results no older than they should be. */
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
  const late = enabled.filter((monitor) => isLate(monitor, now));
  if (late.length === 0) return [ok("Monitors", `${enabled.length} enabled, all checked when due`)];
  const names = late.slice(0, NAMED_AT_MOST).map(({ name }) => `"${oneLine(name)}"`);
  return [
    trouble(
      "Monitors",
      `${late.length} of ${enabled.length} enabled have no fresh result, such as ${names.join(", ")}`,
      "mend what is wrong above; else see the logs of coordinator and agents",
    ),
  ];
}

/** No region has reported for two intervals and a timeout. */
function isLate({ interval, timeout, updatedAt, status }: MonitorRow, now: number): boolean {
  const span = 2 * (parseDuration(interval ?? "60s") ?? 0) + (parseDuration(timeout ?? "10s") ?? 0) + TRAVEL_MS;
  const checks = Object.values(status.regions).map(({ lastCheckAt }) => Date.parse(lastCheckAt));
  return Math.max(Date.parse(updatedAt), ...checks) + span < now;
}
