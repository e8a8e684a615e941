import type { Command } from "commander";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { CommandFailure } from "../failure.ts";
import { paint } from "../table.ts";
import type { Finding } from "./finding.ts";

export function addDoctor(parent: Command, context: CliContext): void {
  apiCommand(
    parent,
    "doctor",
    "Go through everything that Watchpost needs and say what is wrong and what to do about it",
    ["watchpost doctor", "watchpost doctor --json", "REDIS_HOST=queue.example REDIS_PASSWORD=… watchpost doctor"],
  )
    .addHelpText("after", `\n${addresses}`)
    .action(async (options: JsonOption) => {
      // Redis, PostgreSQL and ClickHouse clients are loaded for this command alone.
      const { examine } = await import("./examine.ts");
      const findings = await examine(context);
      const troubles = findings.filter(({ state }) => state === "trouble").length;
      print(context, options, { ok: troubles === 0, findings }, () =>
        findings.map((finding) => describe(finding, context.terminal.color)).join(""),
      );
      if (troubles > 0) throw new CommandFailure(1, `${troubles} of ${findings.length} checks found trouble`);
    });
}

const addresses = `Where REDIS_URL (or REDIS_HOST, REDIS_PORT, REDIS_PASSWORD), DATABASE_URL and
CLICKHOUSE_URL are set as for the coordinator, it looks at those servers itself;
where they are not, as beside \`watchpost start\`, it asks the coordinator.`;

const marks = {
  ok: ["ok", "green"],
  advice: ["advice", "yellow"],
  trouble: ["wrong", "red"],
  skipped: ["skipped", "gray"],
} as const;

function describe({ check, state, detail, remedy }: Finding, color: boolean): string {
  const [mark, tone] = marks[state];
  const line = `${paint(mark.padEnd(7), tone, color)}  ${check.padEnd(18)}  ${detail}\n`;
  return remedy === null ? line : `${line}${" ".repeat(9)}${" ".repeat(18)}  → ${remedy}\n`;
}
