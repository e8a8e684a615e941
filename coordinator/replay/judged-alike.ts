import { isDeepStrictEqual } from "node:util";
import type { MonitorSpec } from "../../shared/monitor.ts";

/** Whether two versions of a monitor are judged in one: its votes and what was established stay. */
export function isJudgedAlike(before: MonitorSpec, after: MonitorSpec): boolean {
  return isDeepStrictEqual(whatIsJudged(before), whatIsJudged(after));
}

function whatIsJudged({ name: _, tags: __, dependsOn: ___, slo: ____, ...judged }: MonitorSpec) {
  return judged;
}
