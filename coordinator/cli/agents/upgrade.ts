import { setTimeout as sleep } from "node:timers/promises";
import { type Command, InvalidArgumentError } from "commander";
import { retryUntil } from "../../../shared/retry.ts";
import type { AgentUpgradeRow } from "../../http/api-types.ts";
import { ABSENT } from "../../quantities.ts";
import { parseRegion } from "../arguments.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { CommandFailure } from "../failure.ts";
import { renderTable } from "../table.ts";

const ASK_EVERY_MS = 1_000;
/** The upgrade goes on though the coordinator that was asked is started again, say. */
const PATIENCE = { baseMs: 500, capMs: 5_000, deadlineMs: 120_000 };

interface Options extends JsonOption {
  readonly region: string;
  readonly canary: number;
  readonly version?: string;
  readonly wait: boolean;
}

/** `watchpost agents upgrade` and `upgrades`. */
export function addUpgrade(parent: Command, context: CliContext): void {
  apiCommand(parent, "upgrade", "Have a region's agents become another version, one after the other", [
    "watchpost agents upgrade --region eu-west",
    "watchpost agents upgrade --region eu-west --canary 2 --version 1.4.0",
  ])
    .requiredOption("--region <region>", "the region of the agents", parseRegion)
    .option("--canary <n>", "how many go first and are watched for longer before the others follow", parseCount, 1)
    .option("--version <version>", "what they become; the coordinator's latest release when it is left out")
    .option("--no-wait", "do not stay until it has ended")
    .action(async ({ region, canary, version, wait, ...options }: Options) => {
      const client = context.client();
      let upgrade = await client.post<AgentUpgradeRow>("/v1/agent-upgrades", { region, canary, version });
      const say = (line: string): void => {
        if (!options.json) context.terminal.out(`${line}\n`);
      };
      say(`${upgrade.id}: the agents of ${region} become ${upgrade.version}`);
      const told = new Map<string, string>();
      for (;;) {
        for (const { agentId, state, from, detail } of upgrade.agents) {
          const line = `${agentId} (${from}): ${state}${detail === null ? "" : `, ${detail}`}`;
          if (told.get(agentId) !== line) say(`  ${line}`);
          told.set(agentId, line);
        }
        if (!wait || upgrade.state !== "running") break;
        await sleep(ASK_EVERY_MS);
        const path = `/v1/agent-upgrades/${upgrade.id}`;
        upgrade = await retryUntil(() => client.get<AgentUpgradeRow>(path), { ...PATIENCE, isFinal: isRefusal });
      }
      if (options.json) print(context, options, upgrade, () => "");
      if (upgrade.state === "running") return say("It goes on: see watchpost agents upgrades");
      if (upgrade.state === "done") return say("Done");
      throw new CommandFailure(
        1,
        `the upgrade has ${upgrade.state === "failed" ? "failed" : "been stopped"}: ${upgrade.detail}`,
      );
    });

  const upgrades = apiCommand(parent, "upgrades", "List the upgrades of agents, or stop one", [
    "watchpost agents upgrades",
    "watchpost agents upgrades cancel upg_0123456789abcdefghij",
  ]).action(async (options: JsonOption) => {
    const rows = await context.client().list<AgentUpgradeRow>("/v1/agent-upgrades");
    print(context, options, rows, () => {
      if (rows.length === 0) return "No upgrades yet: `watchpost agents upgrade` begins one.\n";
      return renderTable(
        [
          { title: "ID", value: ({ id }) => id },
          { title: "REGION", value: ({ region }) => region },
          { title: "VERSION", value: ({ version }) => version },
          { title: "STATE", value: ({ state }) => state, color: ({ state }) => (state === "failed" ? "red" : "green") },
          {
            title: "DONE",
            value: ({ agents }) => `${agents.filter(({ state }) => state === "done").length}/${agents.length}`,
          },
          { title: "SINCE", value: ({ createdAt }) => createdAt },
          { title: "WHY", value: ({ detail }) => detail ?? ABSENT },
        ],
        rows,
        context.terminal.color,
      );
    });
  });
  apiCommand(upgrades, "cancel", "Ask no more agents; the one that was asked goes on", [
    "watchpost agents upgrades cancel upg_0123456789abcdefghij",
  ])
    .argument("<upgrade>", "its id")
    .action(async (id: string, options: JsonOption) => {
      const upgrade = await context
        .client()
        .post<AgentUpgradeRow>(`/v1/agent-upgrades/${encodeURIComponent(id)}/cancel`, {});
      print(context, options, upgrade, () => `Stopped ${id}.\n`);
    });
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1 to 999.");
  return Number(text);
}

/** Whether the coordinator has answered, and will not answer otherwise. */
function isRefusal(thrown: unknown): boolean {
  return thrown instanceof CommandFailure && thrown.status !== null && thrown.status < 500;
}
