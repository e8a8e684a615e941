import type { ApiClient } from "./client.ts";
import { CommandFailure } from "./failure.ts";
import { oneLine } from "./table.ts";

/** A kind of thing that has ids and names. */
export interface Kind {
  /** What one is called, such as `channel`. */
  readonly noun: string;
  /** Its list in the API. */
  readonly path: string;
  /** The command that lists them. */
  readonly command: string;
}

export const channelKind: Kind = { noun: "channel", path: "/v1/channels", command: "watchpost channels" };
export const ruleKind: Kind = { noun: "rule", path: "/v1/alert-rules", command: "watchpost rules" };

/**
 * The one of an id or of a name.
 * @throws CommandFailure when there is none, or more than one of that name.
 */
export async function findNamed<T extends { readonly id: string; readonly name: string }>(
  client: ApiClient,
  kind: Kind,
  idOrName: string,
): Promise<T> {
  return pickNamed(await client.list<T>(kind.path), kind, idOrName);
}

/** As `findNamed`, among those that were asked for already. */
export function pickNamed<T extends { readonly id: string; readonly name: string }>(
  all: readonly T[],
  { noun, command }: Kind,
  idOrName: string,
): T {
  const byId = all.find(({ id }) => id === idOrName);
  const found = byId ? [byId] : all.filter(({ name }) => name === idOrName);
  const [one] = found;
  if (one === undefined) {
    throw new CommandFailure(1, `there is no ${noun} "${oneLine(idOrName)}": \`${command}\` lists them`);
  }
  if (found.length > 1) {
    const ids = found.map(({ id }) => id).join(", ");
    throw new CommandFailure(
      2,
      `${found.length} ${noun}s are named "${oneLine(idOrName)}": say which by its id, ${ids}`,
    );
  }
  return one;
}
