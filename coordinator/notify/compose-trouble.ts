import type { AgentTrouble, TroubleKind } from "../agents/trouble.ts";
import { formatSpan, formatUtc } from "../quantities.ts";
import type { Notice } from "./notice.ts";

/** How the title of a message begins, when it is so and when it is over. */
const titles: Readonly<Record<TroubleKind, { readonly is: string; readonly over: string }>> = {
  region_without_agents: { is: "NO AGENTS", over: "AGENTS AGAIN" },
  agent_offline: { is: "AGENT OFFLINE", over: "AGENT BACK" },
  agent_lagging: { is: "AGENT LAGS", over: "AGENT ON TIME AGAIN" },
  spool_full: { is: "AGENT'S SPOOL FULL", over: "AGENT'S SPOOL HAS ROOM AGAIN" },
  clock_refused: { is: "AGENT'S CLOCK REFUSED", over: "AGENT'S CLOCK RIGHT AGAIN" },
};

/** What follows for checks and results. */
const consequences: Readonly<Record<TroubleKind, string>> = {
  region_without_agents: "Nothing is checked from there until an agent takes checks again.",
  agent_offline: "Its region has one agent less.",
  agent_lagging: "Its checks are made late, and what they measure is less exact.",
  spool_full: "The queue server does not take its results fast enough: look at it, and at the way to it.",
  clock_refused: "It goes on by itself when its clock can be corrected to the coordinator's.",
};

/** What people are told of an agent, or of a region's agents. */
export function composeTrouble(
  trouble: AgentTrouble,
  { id, event, at }: Pick<Notice, "id" | "event" | "at">,
  publicUrl: string | null,
): Notice {
  const { kind, region, agentId, agentName, severity, detail, since, resolvedAt, resolution } = trouble;
  const isOver = event === "agent_recovered";
  const subject = agentId === null ? `region ${region}` : `${agentName ?? agentId} in ${region}`;
  const lasted = resolvedAt === null ? "" : ` (after ${formatSpan(resolvedAt - since)})`;
  const what = resolution === "gone" ? "NOT EXPECTED ANY MORE" : titles[kind][isOver ? "over" : "is"];
  const named = agentId !== null && agentName !== null ? [`Agent ${agentId}`] : [];
  const began = `Since ${formatUtc(since)}`;
  return {
    id,
    event,
    severity: isOver ? "ok" : severity,
    at,
    title: `${what}: ${subject}${lasted}`,
    lines: isOver
      ? [...named, began, ...(resolvedAt === null ? [] : [`Until ${formatUtc(resolvedAt)}`])]
      : [detail, consequences[kind], ...named, began],
    repeat: 0,
    key: trouble.id,
    monitors: [],
    incident: null,
    trouble: { id: trouble.id, kind, region, agentId, since, resolvedAt, resolution },
    evidence: [],
    url: publicUrl === null ? null : `${publicUrl.replace(/\/+$/, "")}/#/agents`,
  };
}
