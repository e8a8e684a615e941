import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { isIdOf } from "../../../shared/agent-secret.ts";
import type { AgentRow } from "../../http/api-types.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";

/** How long an agent that is online may take to use its new secret, in ms. */
const PATIENCE_MS = 20_000;
const ASK_EVERY_MS = 300;

export function addRotate(parent: Command, context: CliContext): void {
  apiCommand(parent, "rotate", "Give an enrolled agent another secret; no check is lost", [
    "watchpost agents rotate agt_0123456789abcdefghij",
  ])
    .argument("<agent>", "its id")
    .action(async (id: string, options: JsonOption) => {
      const client = context.client();
      const asked = await client.post<{ generation: number }>(`/v1/agents/${encodeURIComponent(id)}/rotate`, {});
      const end = performance.now() + PATIENCE_MS;
      let generation = asked.generation;
      while (generation === asked.generation && performance.now() < end) {
        await sleep(ASK_EVERY_MS);
        const row = (await client.list<AgentRow>("/v1/agents")).find((agent) => isIdOf(id, agent.id));
        generation = row?.enrollment?.generation ?? generation;
        if (row && !row.online) break;
      }
      const isDone = generation !== asked.generation;
      print(context, options, { id, generation, rotated: isDone }, () =>
        isDone
          ? `Rotated ${id}: it uses its secret number ${generation}, and the one before is void.\n`
          : `Asked for it: ${id} gets its new secret when it is linked. Until it uses that one, its present one is good.\n`,
      );
    });
}
