import type { Command } from "commander";
import { troubleWords } from "../../agents/trouble.ts";
import {
  agentStateWords,
  clockInWords,
  inFlightInWords,
  latenessInWords,
  outboxInWords,
  spoolInWords,
  usageInWords,
} from "../../agents/words.ts";
import type { AgentRow } from "../../http/api-types.ts";
import { ABSENT, formatAge, formatAgo, formatLatency } from "../../quantities.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { oneLine } from "../table.ts";

export function addShow(parent: Command, context: CliContext): void {
  apiCommand(parent, "show", "Show all that an agent says of itself", [
    "watchpost agents show agt_0123456789abcdefghij",
  ])
    .argument("<agent>", "its id")
    .action(async (id: string, options: JsonOption) => {
      const agent = await context.client().get<AgentRow>(`/v1/agents/${encodeURIComponent(id)}`);
      print(context, options, agent, () => factsOf(agent, context.terminal.now()).map(line).join(""));
    });
}

type Fact = readonly [name: string, value: string];

function factsOf(agent: AgentRow, now: number): Fact[] {
  const { id, region, host, version, node, state, drainedAt, seenAgoMs, load } = agent;
  const drained: Fact[] = drainedAt === null ? [] : [["Drained", formatAge(drainedAt, now)]];
  const told = agent.troubles.map(
    ({ kind, since }): Fact => ["Trouble", `${troubleWords[kind].is}, since ${formatAge(since, now)}`],
  );
  const trouble: Fact[] = load?.clockTrouble ? [["Clock trouble", load.clockTrouble]] : [];
  return [
    ["Agent", id],
    ["Region", region],
    ["State", agentStateWords[state]],
    ...drained,
    ...trouble,
    ...told,
    ["Host", host],
    ["Version", `${version} on Node ${node}`],
    ["Last seen", seenAgoMs === null ? "never" : formatAgo(seenAgoMs)],
    ["In flight", inFlightInWords(load)],
    ["Late, p50 / p99", latenessInWords(load)],
    ["Event loop", load ? `${formatLatency(load.loopDelayMs)} late at worst` : ABSENT],
    ["Clock", clockInWords(load)],
    ["Last fetch", load?.lastFetchAgoMs == null ? ABSENT : formatAgo(load.lastFetchAgoMs)],
    ["Outbox", outboxInWords(load)],
    ["Spool", spoolInWords(load)],
    ["Takes", usageInWords(load)],
  ];
}

const line = ([name, value]: Fact): string => `${name.padEnd(16)}  ${oneLine(value)}\n`;
