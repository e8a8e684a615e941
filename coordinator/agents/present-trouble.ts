import { isoTime } from "../../shared/clock.ts";
import type { AgentTroubleRow } from "../http/api-types.ts";
import type { AgentTrouble } from "./trouble.ts";

/** Trouble as the API has it. */
export function presentTrouble({
  since,
  openedAt,
  resolvedAt,
  acknowledgedAt,
  ...trouble
}: AgentTrouble): AgentTroubleRow {
  return {
    ...trouble,
    since: isoTime(since),
    openedAt: isoTime(openedAt),
    resolvedAt: resolvedAt === null ? null : isoTime(resolvedAt),
    acknowledgedAt: acknowledgedAt === null ? null : isoTime(acknowledgedAt),
  };
}
