import type { Command } from "commander";
import type { ChannelTypeRow } from "../../http/api-types.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { CommandFailure } from "../failure.ts";
import { oneLine, renderTable } from "../table.ts";

export function addTypes(parent: Command, context: CliContext): void {
  apiCommand(parent, "types", "List the types of channels, or the settings of one and where they are found", [
    "watchpost channels types",
    "watchpost channels types slack",
  ])
    .argument("[type]", "a type")
    .action(async (wanted: string | undefined, options: JsonOption) => {
      const types = await context.client().list<ChannelTypeRow>("/v1/channel-types");
      if (wanted === undefined) {
        print(context, options, types, () => `${types.map(({ type }) => type).join("\n")}\n`);
        return;
      }
      const type = types.find((each) => each.type === wanted);
      if (!type) {
        throw new CommandFailure(1, `there is no type "${oneLine(wanted)}": \`watchpost channels types\` lists them`);
      }
      print(context, options, type, () => renderTable(columns(type), rowsOf(type), context.terminal.color));
    });
}

const rowsOf = ({ settings }: ChannelTypeRow) =>
  Object.entries(settings.properties).map(([name, schema]) => ({ name, schema }));
type Row = ReturnType<typeof rowsOf>[number];

const columns = ({ settings, secrets }: ChannelTypeRow) => [
  { title: "SETTING", value: ({ name }: Row) => name },
  { title: "LEFT OUT", value: ({ name, schema }: Row) => whenLeftOut(name, schema.default, settings.required ?? []) },
  {
    title: "WHAT IT IS",
    value: ({ name, schema }: Row) =>
      `${(schema.description ?? "").replaceAll("`", "")}${secrets.includes(name) ? " (secret)" : ""}`,
  },
];

function whenLeftOut(name: string, fallback: unknown, required: readonly string[]): string {
  if (required.includes(name)) return "required";
  return typeof fallback === "string" || typeof fallback === "number" ? String(fallback) : "none";
}
