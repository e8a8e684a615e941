import type { Command } from "commander";
import type { AuditRow } from "../http/api-types.ts";
import { ABSENT } from "../quantities.ts";
import { parseLimit } from "./arguments.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "./context.ts";
import { renderTable } from "./table.ts";

interface Options extends JsonOption {
  readonly limit: number;
  readonly actor?: string;
  readonly action?: string;
  readonly subject?: string;
}

export function addAudit(parent: Command, context: CliContext): void {
  apiCommand(parent, "audit", "List who did what, newest first", [
    "watchpost audit",
    "watchpost audit --action agents.revoke",
    "watchpost audit --subject agt_0123456789abcdefghij --json",
  ])
    .option("--limit <count>", "how many entries", parseLimit, 50)
    .option("--actor <actor>", "what this one did: admin, or the id of a token or an agent")
    .option("--action <action>", "what was done, such as agents.enroll")
    .option("--subject <id>", "what it was done to")
    .action(async ({ limit, actor, action, subject, ...options }: Options) => {
      const rows = await context.client().list<AuditRow>("/v1/audit", { actor, action, subject }, limit);
      print(context, options, rows, () => {
        if (rows.length === 0) return "No entries.\n";
        return renderTable(
          [
            { title: "AT", value: ({ at }) => at },
            { title: "WHO", value: ({ actor }) => actor ?? ABSENT },
            { title: "WHAT", value: ({ action }) => action },
            { title: "TO", value: ({ subject }) => subject ?? ABSENT },
            { title: "FROM", value: ({ address }) => address ?? ABSENT },
            { title: "MORE", value: ({ detail }) => (Object.keys(detail).length === 0 ? "" : JSON.stringify(detail)) },
          ],
          rows,
          context.terminal.color,
        );
      });
    });
}
