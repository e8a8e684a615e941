import { isDeepStrictEqual } from "node:util";
import type { MonitorSpec, StoredSecret } from "../../shared/monitor.ts";

/** Whether two versions of a monitor are judged in one: its votes and what was established stay. */
export function isJudgedAlike(before: MonitorSpec, after: MonitorSpec): boolean {
  return isDeepStrictEqual(whatIsJudged(before), whatIsJudged(after));
}

function whatIsJudged({ name: _, tags: __, dependsOn: ___, slo: ____, ...judged }: MonitorSpec) {
  if (judged.type !== "http") return judged;
  const { headers, body } = judged.http;
  const told = Object.entries(headers).map(([name, value]) => [name, withoutSeal(value)]);
  return { ...judged, http: { ...judged.http, headers: Object.fromEntries(told), body: body && withoutSeal(body) } };
}

/** A secret may be sealed anew and be the same. */
function withoutSeal(value: string | StoredSecret) {
  return typeof value === "string" ? value : { since: value.since };
}
