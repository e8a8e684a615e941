import type { Command } from "commander";
import { stringify } from "yaml";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { oneLine } from "../table.ts";
import { nextInWords } from "./describe.ts";
import { findWindow } from "./find.ts";

export function addShow(parent: Command, context: CliContext): void {
  apiCommand(parent, "show", "Show a window: when it is on next, and its document", [
    'watchpost maintenance show "Database upgrade"',
  ])
    .argument("<window>", "its id or its name")
    .action(async (idOrName: string, options: JsonOption) => {
      const window = await findWindow(context.client(), idOrName);
      print(context, options, window, () => {
        const { id, createdAt, updatedAt, active: _, next: __, ...document } = window;
        return [
          `${oneLine(window.name)}: ${nextInWords(window)}\n`,
          `\n# ${id}, created ${createdAt}, changed ${updatedAt}\n`,
          stringify(document),
        ].join("");
      });
    });
}
