import type { Ballot, Side, VerdictState } from "./state.ts";

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

export function isSame(a: VerdictState["picture"], b: VerdictState["picture"]): boolean {
  return Object.keys({ ...a, ...b }).every((region) => a[region] === b[region]);
}
