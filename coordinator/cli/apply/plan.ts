import { isDeepStrictEqual } from "node:util";
import { newId } from "../../../shared/id.ts";
import { Problem } from "../../http/problem.ts";
import { SecretRefused } from "../../secrets/refusal.ts";
import type { Entry } from "./entries.ts";
import type { Kind, KindName, Row } from "./kinds.ts";
import { documentOf, kindNames, kinds } from "./kinds.ts";
import { replaceAt } from "./references.ts";

/** What is done about one document. */
export interface Step {
  readonly action: "create" | "change" | "keep";
  readonly kind: KindName;
  readonly label: string;
  readonly name: string;
  /** As it is; null when there is none. */
  readonly current: Row | null;
  /** With the ids of what it names; of what is not there yet, the `id` of its step. */
  readonly document: unknown;
  /** Its own, or what stands for it until it is made. */
  readonly id: string;
}

/**
 * What is to be done, before any of it is: what others name comes before them.
 * @param existing all that there is, by kind.
 * @param complain is told of every document that is wrong, and of names that do not say which is meant, whole lines.
 */
export function planOf(
  entries: readonly Entry[],
  existing: Readonly<Record<KindName, readonly Row[]>>,
  complain: (line: string) => void,
): Step[] {
  const drafts = entries.map((entry) => ({ entry, ...match(entry) }));
  const seen = new Set<string>();
  for (const { kind, name, label } of entries) {
    if (name !== null && seen.has(`${kind} ${name}`)) complain(`${label}: is there twice`);
    seen.add(`${kind} ${name}`);
  }

  function match({ kind, label, name }: Entry) {
    const same = existing[kind].filter((row) => row.name === name);
    if (same.length > 1) {
      const many = `${same.length} ${kinds[kind].noun}s`;
      complain(`${label}: ${many} have this name: rename or remove all but one`);
    }
    const current = same[0] ?? null;
    return { current, id: current?.id ?? newId(kinds[kind].prefix) };
  }

  /** The ids of what has a name, in the files or at the coordinator; what is an id is itself. */
  function idsOf(kind: KindName, named: string): string[] {
    if (existing[kind].some(({ id }) => id === named)) return [named];
    const drafted = drafts.filter(({ entry }) => entry.kind === kind && entry.name === named).map(({ id }) => id);
    return drafted.length > 0 ? drafted : existing[kind].filter(({ name }) => name === named).map(({ id }) => id);
  }

  function resolve({ kind, document }: Entry, complainOf: (field: string, rule: string) => void): unknown {
    return Object.entries(kinds[kind].references).reduce<unknown>(
      (resolved, [place, other]) =>
        replaceAt(resolved, place, (named, field) => {
          const { noun, prefix } = kinds[other];
          const [id, ...more] = idsOf(other, named);
          const rule =
            id === undefined
              ? `there is no ${noun} "${named}", neither in the files nor at the coordinator`
              : `${more.length + 1} ${noun}s are named "${named}": say which by its id`;
          if (id === undefined || more.length > 0) complainOf(field, rule);
          return id ?? newId(prefix);
        }),
      document,
    );
  }

  const steps = drafts.map(({ entry, current, id }): Step => {
    const { kind, label, name, unset } = entry;
    function complainOf(field: string, rule: string): void {
      if (!unset.includes(field)) complain(`${label}: ${[field, rule].filter(Boolean).join("  ")}`);
    }
    const resolved = resolve(entry, complainOf);
    const wanted = asReturned(kinds[kind], resolved, complainOf);
    const isAsWanted = current !== null && wanted !== null && isDeepStrictEqual(wanted, plain(documentOf(current)));
    const action = current === null ? "create" : isAsWanted ? "keep" : "change";
    return { action, kind, label, name: name ?? "", current, document: resolved, id };
  });
  return inOrder(steps, complain);
}

function asReturned(kind: Kind, document: unknown, complain: (field: string, rule: string) => void): object | null {
  try {
    return plain(kind.asReturned(document));
  } catch (thrown) {
    if (!(thrown instanceof Problem || thrown instanceof SecretRefused)) throw thrown;
    for (const { field, rule } of thrown.errors) complain(field, rule);
    return null;
  }
}

/** As it goes through JSON: without what is undefined. */
const plain = (value: object): Record<string, unknown> => JSON.parse(JSON.stringify(value));

/** Kind by kind, and in the order of the files, but for what has to be there before what names it. */
function inOrder(steps: readonly Step[], complain: (line: string) => void): Step[] {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const ordered = new Set<Step>();

  function visit(step: Step, above: readonly Step[]): void {
    if (above.includes(step)) complain(`${step.label}: depends on itself`);
    if (above.includes(step) || ordered.has(step)) return;
    for (const place of Object.keys(kinds[step.kind].references)) {
      replaceAt(step.document, place, (id) => {
        const other = byId.get(id);
        if (other) visit(other, [...above, step]);
        return id;
      });
    }
    ordered.add(step);
  }

  for (const kind of kindNames) for (const step of steps) if (step.kind === kind) visit(step, []);
  return [...ordered];
}
