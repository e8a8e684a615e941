import { isDeepStrictEqual } from "node:util";
import type { Command } from "commander";
import { formatDuration } from "../../shared/duration.ts";
import { monitorDocument } from "../../shared/monitor.ts";
import type { MonitorRow } from "../http/api-types.ts";
import { Problem } from "../http/problem.ts";
import { validate } from "../http/validate.ts";
import type { ApiClient } from "./client.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "./context.ts";
import { readDocumentFiles } from "./document-file.ts";
import { CommandFailure } from "./failure.ts";
import { oneLine } from "./table.ts";

const form = `
The file holds one monitor, a list of them, or several documents between lines
of ---. A monitor is known by its name; what its document leaves out is as it
is by default. Monitors that no file names stay as they are. One with a secret
in its document is written each time, since nobody is shown what is stored.

  - name: Checkout API
    type: http
    interval: 30s
    tags: [production]
    http: { url: https://shop.example/health }
  - name: Database
    type: tcp
    tcp: { host: db.example, port: 5432 }`;

interface Options extends JsonOption {
  readonly file: readonly string[];
  readonly dryRun?: true;
}

interface Step {
  readonly action: "create" | "change" | "keep";
  readonly name: string;
  /** The monitor as it is; null when there is none. */
  readonly current: MonitorRow | null;
  readonly document: object;
}

const done = { create: "Added", change: "Changed", keep: "Unchanged" } as const;
const planned = { create: "Would add", change: "Would change", keep: "Unchanged" } as const;

export function addApply(parent: Command, context: CliContext): void {
  apiCommand(
    parent,
    "apply",
    "Make the monitors what files say: add those that are missing, change those that differ",
    ["watchpost apply -f monitors.yaml", "watchpost apply -f shop.yaml -f databases.yaml --dry-run"],
  )
    .requiredOption("-f, --file <file...>", "take the monitors from these files; - is standard input")
    .option("--dry-run", "say what would be done, and do nothing")
    .addHelpText("after", form)
    .action(async ({ file, dryRun, ...options }: Options) => {
      const documents = await readDocumentFiles(file, context.terminal);
      if (documents.length === 0) throw new CommandFailure(2, `there is no monitor in ${file.join(", ")}`);
      const client = context.client();
      const steps = planOf(documents, await client.list<MonitorRow>("/v1/monitors"));
      const words = dryRun ? planned : done;
      const results: Array<{ action: Step["action"]; name: string; id: string | null }> = [];
      for (const step of steps) {
        const id = dryRun ? (step.current?.id ?? null) : await perform(client, step);
        results.push({ action: step.action, name: step.name, id });
        if (!options.json)
          context.terminal.out(`${words[step.action]} ${oneLine(step.name)}${id === null ? "" : ` (${id})`}\n`);
      }
      print(context, options, results, () => "");
    });
}

/**
 * What is to be done, before any of it is.
 * @throws CommandFailure when a document is wrong, or a name does not say which monitor is meant.
 */
function planOf(documents: readonly unknown[], existing: readonly MonitorRow[]): Step[] {
  const named = new Set<string>();
  const complaints: string[] = [];
  const steps = documents.map((document, n): Step => {
    const { name } = Object(document) as { readonly name?: unknown };
    const label = typeof name === "string" ? oneLine(name) : `monitor ${n + 1} of the file`;
    const same = existing.filter((row) => row.name === name);
    if (same.length > 1)
      complaints.push(`${label}: ${same.length} monitors have this name: rename or remove all but one`);
    if (typeof name === "string" && named.has(name)) complaints.push(`${label}: is there twice`);
    named.add(String(name));
    const current = same[0] ?? null;
    const wanted = asReturned(document);
    if (wanted instanceof Problem) {
      complaints.push(
        ...wanted.errors.map(({ field, rule }) => `${label}: ${[field, rule].filter(Boolean).join("  ")}`),
      );
      return { action: "keep", name: label, current, document: {} };
    }
    const action = current === null ? "create" : isDeepStrictEqual(wanted, documentOf(current)) ? "keep" : "change";
    return { action, name: label, current, document: Object(document) };
  });
  if (complaints.length > 0) {
    throw new CommandFailure(
      2,
      `nothing was done, because of what is wrong in it\n  ${complaints.map(oneLine).join("\n  ")}`,
    );
  }
  return steps;
}

/**
 * The document as the API would return it, with every default. Secrets stand in it as they were
 * written: what is stored is never shown, so that a monitor with one always differs.
 */
function asReturned(document: unknown): object | Problem {
  try {
    const { intervalMs, timeoutMs, ...rest } = validate(monitorDocument, document);
    return plain({ ...rest, interval: formatDuration(intervalMs), timeout: formatDuration(timeoutMs) });
  } catch (thrown) {
    if (thrown instanceof Problem) return thrown;
    throw thrown;
  }
}

function documentOf({ id: _, revision: __, createdAt: ___, updatedAt: ____, status: _____, ...document }: MonitorRow) {
  return plain(document);
}

/** As it goes through JSON: without what is undefined. */
const plain = (value: object): Record<string, unknown> => JSON.parse(JSON.stringify(value));

async function perform(client: ApiClient, { action, current, document }: Step): Promise<string> {
  if (current === null) return (await client.post<MonitorRow>("/v1/monitors", document)).id;
  if (action === "change") {
    await client.patch<MonitorRow>(`/v1/monitors/${current.id}`, replacing(documentOf(current), document));
  }
  return current.id;
}

/** The JSON Merge Patch (RFC 7396) that makes one document of another: what is left out goes back to its default. */
export function replacing(current: object, wanted: object): object {
  const removed = Object.keys(current).map((key) => [key, null]);
  const kept = Object.entries(wanted).map(([key, value]) => {
    const before = (current as Record<string, unknown>)[key];
    return [key, isObject(value) && isObject(before) ? replacing(before, value) : value];
  });
  return Object.fromEntries([...removed, ...kept]);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
