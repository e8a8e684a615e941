import type { ApiClient } from "../client.ts";
import { type CliContext, type JsonOption, print } from "../context.ts";
import { readDocumentFiles } from "../document-file.ts";
import { CommandFailure } from "../failure.ts";
import { oneLine } from "../table.ts";
import { entriesOf } from "./entries.ts";
import type { KindName, Row } from "./kinds.ts";
import { kindNames, kinds } from "./kinds.ts";
import type { Step } from "./plan.ts";
import { planOf } from "./plan.ts";
import { replaceAt } from "./references.ts";

export interface ApplyOptions extends JsonOption {
  readonly file: readonly string[];
  readonly dryRun?: true;
}

const done = { create: "Added", change: "Changed", keep: "Unchanged" } as const;
const planned = { create: "Would add", change: "Would change", keep: "Unchanged" } as const;

/** Makes what there is what the files say, or says what it would do. @throws CommandFailure when anything is wrong with them, before the first change. */
export async function runApply(context: CliContext, { file, dryRun, ...options }: ApplyOptions): Promise<void> {
  const { terminal } = context;
  const complaints: string[] = [];
  const complain = (line: string) => void complaints.push(line);
  const files = await readDocumentFiles(file, terminal);
  const entries = files.flatMap((each) => entriesOf(each, terminal.env, complain));
  if (entries.length + complaints.length === 0) {
    throw new CommandFailure(2, `there is no monitor in ${file.join(", ")}, and nothing else to apply`);
  }
  const client = context.client();
  const steps = planOf(entries, await existingOf(client), complain);
  if (complaints.length > 0) {
    const lines = complaints.map((line) => `\n  ${oneLine(line)}`).join("");
    throw new CommandFailure(2, `nothing was done, because of what is wrong in it${lines}`);
  }
  const words = dryRun ? planned : done;
  const perform = createPerformer(client);
  const results: Array<{ kind: string; action: Step["action"]; name: string; id: string | null }> = [];
  for (const step of steps) {
    const id = dryRun ? (step.current?.id ?? null) : await perform(step);
    const { noun } = kinds[step.kind];
    results.push({ kind: noun, action: step.action, name: step.name, id });
    const called = step.kind === "monitors" ? oneLine(step.name) : `${noun} ${oneLine(step.name)}`;
    if (!options.json) terminal.out(`${words[step.action]} ${called}${id === null ? "" : ` (${id})`}\n`);
  }
  print(context, options, results, () => "");
}

async function existingOf(client: ApiClient): Promise<Record<KindName, Row[]>> {
  const lists = await Promise.all(
    kindNames.map(async (name) => [name, await client.list<Row>(kinds[name].path)] as const),
  );
  return Object.fromEntries(lists) as Record<KindName, Row[]>;
}

/** Does step after step, and knows the ids of what it has made. */
function createPerformer(client: ApiClient): (step: Step) => Promise<string> {
  const ids = new Map<string, string>();
  return async ({ action, kind, label, current, document, id }) => {
    const { path, references, change } = kinds[kind];
    const body = Object.keys(references).reduce(
      (filled, place) => replaceAt(filled, place, (named) => ids.get(named) ?? named),
      document,
    ) as object;
    try {
      if (current === null) ids.set(id, (await client.post<Row>(path, body)).id);
      else if (action === "change") await change(client, current, body);
    } catch (thrown) {
      if (!(thrown instanceof CommandFailure)) throw thrown;
      const { exitCode, message, remedy, status } = thrown;
      throw new CommandFailure(exitCode, `${oneLine(label)}: ${message}`, { remedy, status });
    }
    return ids.get(id) ?? id;
  };
}
