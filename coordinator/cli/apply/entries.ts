import type { DocumentFile } from "../document-file.ts";
import { oneLine } from "../table.ts";
import type { KindName } from "./kinds.ts";
import { kindNames, kinds } from "./kinds.ts";
import { withVariables } from "./variables.ts";

/** One document of a file. */
export interface Entry {
  readonly kind: KindName;
  /** What messages call it, such as `alerts.yaml: rule Production`. */
  readonly label: string;
  /** Its name as it is matched; null when it has none, which its schema complains of. */
  readonly name: string | null;
  readonly document: unknown;
  /** The fields that want a variable which is not set, and are complained of for that. */
  readonly unset: readonly string[];
}

/**
 * The documents of a file, each of its kind. A document of the file is a monitor, or holds lists
 * of several kinds.
 * @param complain is told what is wrong, whole lines.
 */
export function entriesOf(
  { file, documents }: DocumentFile,
  env: Readonly<Record<string, string | undefined>>,
  complain: (line: string) => void,
): Entry[] {
  const counts = new Map<KindName, number>();

  function entry(kind: KindName, written: unknown): Entry {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    const unset: Array<readonly [string, string]> = [];
    const document = withVariables(written, env, (...complaint) => unset.push(complaint));
    const { name } = Object(document) as { readonly name?: unknown };
    const isNamed = typeof name === "string" && name.trim() !== "";
    const label = `${file}: ${kinds[kind].noun} ${isNamed ? oneLine(name) : `${count} of the file`}`;
    for (const [field, rule] of unset) complain(`${label}: ${field}  ${rule}`);
    const fields = unset.map(([field]) => field);
    return { kind, label, name: isNamed ? name.trim() : null, document, unset: fields };
  }

  function inLists(lists: object): Entry[] {
    return Object.entries(lists).flatMap(([key, list]) => {
      const kind = kindNames.find((name) => name === key);
      if (kind === undefined) complain(`${file}: ${key}  must be one of ${kindNames.join(", ")}`);
      else if (!Array.isArray(list)) complain(`${file}: ${key}  must be a list`);
      else return list.map((document) => entry(kind, document));
      return [];
    });
  }

  return documents.flatMap((document) => (isLists(document) ? inLists(document) : [entry("monitors", document)]));
}

/** Whether a document holds lists of documents: it has the name of a kind, which no monitor has for a field. */
function isLists(document: unknown): document is object {
  return typeof document === "object" && document !== null && kindNames.some((name) => name in document);
}
