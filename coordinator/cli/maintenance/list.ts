import type { MaintenanceRow } from "../../http/api-types.ts";
import { whenInWords, whomInWords } from "../../maintenance/words.ts";
import type { CliContext, JsonOption } from "../context.ts";
import { print } from "../context.ts";
import { renderTable } from "../table.ts";
import { nextInWords } from "./describe.ts";

export async function listWindows(context: CliContext, options: JsonOption): Promise<void> {
  const windows = await context.client().list<MaintenanceRow>("/v1/maintenance");
  print(context, options, windows, () => {
    if (windows.length === 0) return "No maintenance windows: add one with `watchpost maintenance add -f FILE`.\n";
    return renderTable(
      [
        { title: "NAME", value: ({ name }) => name },
        { title: "ID", value: ({ id }) => id },
        { title: "FOR", value: whomInWords },
        { title: "WHEN", value: ({ when }) => whenInWords(when) },
        { title: "NEXT", value: nextInWords, color: ({ active }) => (active ? "yellow" : null) },
      ],
      windows,
      context.terminal.color,
    );
  });
}
