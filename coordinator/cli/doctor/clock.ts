import type { AgentRow } from "../../http/api-types.ts";
import { CommandFailure } from "../failure.ts";
import { type Finding, ok, skipped, trouble } from "./finding.ts";
import type { Survey } from "./survey.ts";

/** Clocks further apart than this, in ms, are not synchronised. */
const TOLERANCE_MS = 1_000;
const REMEDY = "synchronise it by NTP: `timedatectl set-ntp true`, then look at `timedatectl`";

/** Whether the clocks of this machine, the coordinator and the agents agree. */
export function checkClocks(survey: Survey | CommandFailure): Finding[] {
  if (survey instanceof CommandFailure) return [skipped("Clock", "the coordinator does not answer")];
  return [
    checkOwnClock(survey),
    ...(survey.api instanceof CommandFailure ? [] : [checkAgentClocks(survey.api.agents)]),
  ];
}

function checkOwnClock({ clockAhead }: Survey): Finding {
  if (clockAhead === null) return skipped("Clock", "the coordinator's answer has no date");
  const [least, most] = clockAhead;
  if (least <= TOLERANCE_MS && most >= -TOLERANCE_MS) return ok("Clock", "agrees with the coordinator's");
  const seconds = Math.round(Math.abs(least + most) / 2 / 1_000);
  return trouble(
    "Clock",
    `the coordinator's is ${seconds} s ${most < 0 ? "behind" : "ahead of"} this machine's`,
    REMEDY,
  );
}

function checkAgentClocks(agents: readonly AgentRow[]): Finding {
  const online = agents.filter((agent) => agent.online);
  const off = online.filter(({ load }) => Math.abs(load?.clockOffsetMs ?? 0) > TOLERANCE_MS);
  if (off.length === 0)
    return ok("Agents' clocks", `${online.length} of ${online.length} agree with the coordinator's`);
  const named = off.map(({ id, host, load }) => `${id} on ${host} by ${Math.round(load?.clockOffsetMs ?? 0)} ms`);
  return trouble("Agents' clocks", `off: ${named.join(", ")} (their results are corrected for it)`, REMEDY);
}
