import type { Ballot, Side, VerdictState } from "./state.ts";
import type { Settled } from "./verdict.ts";

/** The regions that do not see the target well, and how they see it. */
export function pictureOf(votes: readonly Ballot[]): Record<string, Side> {
  return Object.fromEntries(
    votes.flatMap(({ region, status }) => (status === "up" || status === "error" ? [] : [[region, status] as const])),
  );
}

/** How a region was seeing the target when what is settled was established. */
export function seenBy({ picture }: Pick<VerdictState, "picture">, region: string): Side {
  return (Object.hasOwn(picture, region) && picture[region]) || "up";
}

const gravity: Readonly<Record<Settled, number>> = { up: 0, degraded: 1, down: 2, unknown: 0 };

/**
 * When what is settled now began, as far as checks saw it: the end of the first check by
 * which a region saw the target worse (or, where it is settled as better, better) than was
 * established. What a region has long been seeing, and everybody knows, began nothing.
 */
export function begunAt(
  state: Pick<VerdictState, "picture" | "settled" | "at">,
  to: Settled,
  votes: readonly Ballot[],
): number {
  if (to === "unknown") return state.at;
  const turn = gravity[to] > gravity[state.settled] ? 1 : -1;
  const turned = votes.filter(
    ({ region, status }) => status !== "error" && (gravity[status] - gravity[seenBy(state, region)]) * turn > 0,
  );
  return Math.min(state.at, ...turned.map(({ sideSince }) => sideSince));
}

export function isSame(a: VerdictState["picture"], b: VerdictState["picture"]): boolean {
  return Object.keys({ ...a, ...b }).every((region) => a[region] === b[region]);
}
