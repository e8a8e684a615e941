import type { Command } from "commander";
import type { KeyRow } from "../http/api-types.ts";
import type { ApiClient } from "./client.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "./context.ts";
import { CommandFailure } from "./failure.ts";
import { renderTable } from "./table.ts";

interface Round {
  readonly monitors: number;
  readonly left: number;
}

export function addKeys(parent: Command, context: CliContext): void {
  const keys = apiCommand(
    parent,
    "keys",
    "List the keys that secrets are sealed with, or seal all with the current one",
    ["watchpost keys", "watchpost keys rotate"],
  ).action((options: JsonOption) => listKeys(context, options));
  apiCommand(keys, "list", "List the keys", ["watchpost keys list --json"]).action((options: JsonOption) =>
    listKeys(context, options),
  );
  apiCommand(keys, "rotate", "Seal every secret with the current key, after which the others are not needed", [
    "watchpost keys rotate",
  ]).action(async (options: JsonOption) => {
    const { monitors, left } = await rotateAll(context.client());
    if (left > 0) {
      throw new CommandFailure(
        1,
        `${left} secrets cannot be opened to be sealed anew: the coordinator's log says which`,
      );
    }
    print(context, options, { monitors, left }, () => "Every secret is sealed with the current key.\n");
  });
}

/** The coordinator works for some seconds at a time; one that makes no progress any more cannot do the rest. */
async function rotateAll(client: ApiClient): Promise<Round> {
  for (let monitors = 0; ; ) {
    const round = await client.post<Round>("/v1/keys/rotate", {});
    monitors += round.monitors;
    if (round.left === 0 || round.monitors === 0) return { monitors, left: round.left };
  }
}

async function listKeys(context: CliContext, options: JsonOption): Promise<void> {
  const rows = await context.client().list<KeyRow>("/v1/keys");
  print(context, options, rows, () =>
    renderTable(
      [
        { title: "KEY", value: ({ id }) => id },
        { title: "SECRETS", value: ({ secrets }) => String(secrets) },
        {
          title: "STATE",
          value: ({ isCurrent, isHere }) => (isCurrent ? "current" : isHere ? "opens only" : "missing"),
        },
      ],
      rows,
      context.terminal.color,
    ),
  );
}
