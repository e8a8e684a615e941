import {
  agentStateWords,
  clockInWords,
  inFlightInWords,
  latenessInWords,
  outboxInWords,
  spoolInWords,
  usageInWords,
} from "../agents/words.ts";
import type { AgentRow } from "../http/api-types.ts";
import { ABSENT, formatAgo, formatLatency } from "../quantities.ts";
import { announce } from "./announce.ts";
import { attempt } from "./attempt.ts";
import type { PageContext } from "./context.ts";
import { confirm } from "./dialog.ts";
import type { Child, Kept } from "./dom.ts";
import { h, renderIfChanged } from "./dom.ts";
import type { IconName } from "./icons.ts";
import { icon } from "./icons.ts";

/** The columns behind the agent's name. */
export const agentColumns = ["State", "In flight", "Late", "Clock", "Waiting", "Machine", "Last fetch"] as const;

const looks: Readonly<Record<AgentRow["state"], IconName>> = {
  online: "up",
  starting: "unknown",
  clock_refused: "down",
  draining: "paused",
  drained: "paused",
  leaving: "paused",
  offline: "down",
  revoked: "none",
};

/** One agent, and the button that drains or resumes it. */
export function createAgentRow(context: PageContext, first: AgentRow): Kept<AgentRow> {
  let agent = first;
  const name = h("th", { role: "rowheader", scope: "row" });
  const cells = agentColumns.map((label) => ({ label, content: h("span") }));
  const button = h("button", { type: "button", onclick: () => void turn() });

  async function turn(): Promise<void> {
    const { id, drainedAt } = agent;
    const verb = drainedAt === null ? "drain" : "resume";
    const isWanted =
      verb === "resume" ||
      (await confirm({
        title: `Drain ${nameOf(agent)}?`,
        text: "It finishes the checks that it has and takes no more until it is resumed. What is due is left to the other agents of its region.",
        action: "Drain",
      }));
    if (!isWanted) return;
    const work = () => context.api.post(`/v1/agents/${encodeURIComponent(id)}/${verb}`, {});
    if (await attempt(context, `${nameOf(agent)} was not ${verb}${verb === "drain" ? "ed" : "d"}`, work)) {
      announce(verb === "drain" ? `${nameOf(agent)} takes no more checks.` : `${nameOf(agent)} takes checks again.`);
    }
  }

  return {
    element: h(
      "tr",
      { role: "row" },
      name,
      ...cells.map(({ label, content }) =>
        h("td", { role: "cell" }, h("span", { class: "label", "aria-hidden": true }, label), content),
      ),
      h("td", { role: "cell", class: "actions" }, button),
    ),
    update(newer) {
      agent = newer;
      renderIfChanged(name, [newer.id, newer.enrollment?.name, newer.host, newer.version], () => namedCell(newer));
      const contents = contentsOf(newer);
      for (const [index, { content }] of cells.entries()) {
        const shown = contents[index] as Shown;
        renderIfChanged(content, shown.key, shown.render);
      }
      button.hidden = newer.state === "revoked";
      renderIfChanged(button, newer.drainedAt === null, () => [newer.drainedAt === null ? "Drain" : "Resume"]);
      button.setAttribute("aria-label", `${newer.drainedAt === null ? "Drain" : "Resume"} ${nameOf(newer)}`);
    },
  };
}

const nameOf = ({ id, enrollment }: AgentRow): string => enrollment?.name ?? id;

function namedCell(agent: AgentRow): Child[] {
  const { id, enrollment, host, version } = agent;
  const facts = [enrollment?.name ? id : null, host || null, version || null].filter(Boolean).join(" · ");
  return [nameOf(agent), h("span", { class: "sub" }, facts)];
}

interface Shown {
  readonly key: unknown;
  readonly render: () => Child[];
}

const shown = (...lines: ReadonlyArray<string | null>): Shown => ({
  key: lines,
  render: () => [lines[0] ?? null, ...lines.slice(1).map((line) => line && h("span", { class: "sub" }, line))],
});

/** In the order of the columns. */
function contentsOf(agent: AgentRow): Shown[] {
  const { load, seenAgoMs } = agent;
  const { lastFetchAgoMs = null } = load ?? {};
  const spooled = load?.spooled ? `spool ${spoolInWords(load)}` : null;
  return [
    stateShown(agent),
    shown(inFlightInWords(load)),
    shown(
      latenessInWords(load),
      load && load.loopDelayMs >= 50 ? `event loop ${formatLatency(load.loopDelayMs)}` : null,
    ),
    shown(clockInWords(load)),
    shown(load ? outboxInWords(load) : ABSENT, spooled),
    shown(usageInWords(load)),
    // Heartbeats come every 3 s: what is younger changes with each of them and tells nothing.
    shown(
      lastFetchAgoMs === null ? ABSENT : formatAgo(Math.floor(lastFetchAgoMs / 5_000) * 5_000),
      seenAgoMs === null ? "never seen" : seenAgoMs >= 10_000 ? `seen ${formatAgo(seenAgoMs)}` : null,
    ),
  ];
}

function stateShown({ state, load, troubles }: AgentRow): Shown {
  const look = looks[state];
  const color = look === "up" && troubles.length > 0 ? "degraded" : look;
  const reason = state === "clock_refused" ? (load?.clockTrouble ?? null) : null;
  return {
    key: [state, color, reason],
    render: () => [
      h("span", { class: `state ${color}` }, icon(color), agentStateWords[state]),
      reason && h("span", { class: "sub wrap" }, reason),
    ],
  };
}
