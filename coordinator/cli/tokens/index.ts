import { type Command, Option } from "commander";
import type { TokenRow } from "../../http/api-types.ts";
import { ABSENT } from "../../quantities.ts";
import { scopes } from "../../store/api-tokens.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { oneLine, renderTable } from "../table.ts";

interface CreateOptions extends JsonOption {
  readonly name: string;
  readonly scope: string;
  readonly expires?: string;
}

export function addTokens(parent: Command, context: CliContext): void {
  const tokens = apiCommand(parent, "tokens", "List the tokens of the API, make one, or delete one", [
    "watchpost tokens",
    "watchpost tokens create --name grafana --scope read",
    "watchpost tokens delete tok_0123456789abcdefghij",
  ]).action((options: JsonOption) => listTokens(context, options));
  apiCommand(tokens, "list", "List the tokens", ["watchpost tokens list --json"]).action((options: JsonOption) =>
    listTokens(context, options),
  );
  apiCommand(tokens, "create", "Make a token and print its value, this once", [
    "watchpost tokens create --name grafana --scope read --expires 90d",
  ])
    .requiredOption("--name <name>", "what it is for")
    .addOption(
      new Option(
        "--scope <scope>",
        "read: look at everything but tokens and the audit log; write: change it; admin: all",
      )
        .choices([...scopes])
        .default("read"),
    )
    .option("--expires <duration>", "how long it is good for; for ever, when not told")
    .action(async ({ name, scope, expires, ...options }: CreateOptions) => {
      const made = await context
        .client()
        .post<TokenRow & { token: string }>("/v1/tokens", { name, scope, expiresIn: expires });
      print(
        context,
        options,
        made,
        () => `${made.token}\n\nThat is ${made.id} (${oneLine(name)}, ${scope}). It is not shown again.\n`,
      );
    });
  apiCommand(tokens, "delete", "Delete a token: it opens nothing any more", [
    "watchpost tokens delete tok_0123456789abcdefghij",
  ])
    .argument("<token>", "its id")
    .action(async (id: string, options: JsonOption) => {
      await context.client().delete(`/v1/tokens/${encodeURIComponent(id)}`);
      print(context, options, { id, deleted: true }, () => `Deleted ${id}.\n`);
    });
}

async function listTokens(context: CliContext, options: JsonOption): Promise<void> {
  const rows = await context.client().list<TokenRow>("/v1/tokens");
  print(context, options, rows, () => {
    if (rows.length === 0) return "No tokens but the admin token: `watchpost tokens create` makes one.\n";
    return renderTable(
      [
        { title: "ID", value: ({ id }) => id },
        { title: "NAME", value: ({ name }) => name },
        { title: "SCOPE", value: ({ scope }) => scope },
        { title: "LAST USED", value: ({ lastUsedAt }) => lastUsedAt ?? "never" },
        { title: "EXPIRES", value: ({ expiresAt }) => expiresAt ?? ABSENT },
      ],
      rows,
      context.terminal.color,
    );
  });
}
