import type { Command } from "commander";
import type { MaintenanceRow } from "../../http/api-types.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { readDocumentFile } from "../document-file.ts";
import { added } from "./describe.ts";

const form = `
A window, in YAML. It is for the monitors that fit one of the lists, and for all when
there is none; "when" holds one of the three:

  name: Database upgrade
  reason: the primary moves        # may be left out
  monitors: [mon_4k2j9x0v7c1b5n8m3q6w]
  tags: [database]
  types: [tcp]
  when:
    once: { from: 2026-01-31T22:00:00+01:00, to: 2026-02-01T02:00:00+01:00 }
    weekly: { days: [sat, sun], from: "22:00", to: "04:00", timeZone: Europe/Berlin }
    cron: { expression: "0 3 1 * *", duration: 2h, timeZone: America/New_York }`;

export function addAdd(parent: Command, context: CliContext): void {
  apiCommand(parent, "add", "Add a window from a YAML or JSON file", ["watchpost maintenance add -f window.yaml"])
    .requiredOption("-f, --file <file>", "take the window from this file; - is standard input")
    .addHelpText("after", form)
    .action(async ({ file, ...options }: JsonOption & { readonly file: string }) => {
      const document = await readDocumentFile(file, context.terminal);
      const window = await context.client().post<MaintenanceRow>("/v1/maintenance", document);
      print(context, options, window, () => added(window));
    });
}
