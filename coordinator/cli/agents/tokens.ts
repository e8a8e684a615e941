import type { Command } from "commander";
import type { EnrollmentTokenRow } from "../../http/api-types.ts";
import { ABSENT } from "../../quantities.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { renderTable } from "../table.ts";

export function addTokens(parent: Command, context: CliContext): void {
  const tokens = apiCommand(parent, "tokens", "List the enrolment tokens of the last 30 days, or revoke one", [
    "watchpost agents tokens",
    "watchpost agents tokens revoke enr_0123456789abcdefghij",
  ]).action(async (options: JsonOption) => {
    const rows = await context.client().list<EnrollmentTokenRow>("/v1/enrollment-tokens");
    print(context, options, rows, () => {
      if (rows.length === 0) return "No enrolment tokens: `watchpost agents enroll` makes one.\n";
      return renderTable(
        [
          { title: "ID", value: ({ id }) => id },
          { title: "REGION", value: ({ region }) => region },
          { title: "NAME", value: ({ name }) => name ?? ABSENT },
          { title: "STATE", value: ({ state }) => state, color: ({ state }) => (state === "open" ? "green" : "gray") },
          { title: "EXPIRES", value: ({ expiresAt }) => expiresAt },
          { title: "AGENT", value: ({ usedBy }) => usedBy ?? ABSENT },
        ],
        rows,
        context.terminal.color,
      );
    });
  });
  apiCommand(tokens, "revoke", "End an enrolment token that was not used", [
    "watchpost agents tokens revoke enr_0123456789abcdefghij",
  ])
    .argument("<token>", "its id")
    .action(async (id: string, options: JsonOption) => {
      await context.client().delete(`/v1/enrollment-tokens/${encodeURIComponent(id)}`);
      print(context, options, { id, revoked: true }, () => `Revoked ${id}.\n`);
    });
}
