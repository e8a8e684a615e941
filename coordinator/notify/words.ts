import { whomInWords } from "../maintenance/words.ts";

interface Rule {
  readonly monitors: readonly string[];
  readonly tags: readonly string[];
  readonly types: readonly string[];
  readonly steps: ReadonlyArray<{ readonly after: string; readonly channels: readonly string[] }>;
}

/** For which monitors a rule is, in short. */
export const ruleFor = ({ monitors, tags, types }: Rule): string => whomInWords({ monitors, tags, types });

/** Whom a rule tells, such as `Phone; Everyone after 15m`; channels are called by their names. */
export function whomItTells({ steps }: Rule, names: ReadonlyMap<string, string>): string {
  return steps
    .map(({ after, channels }) => {
      const list = channels.map((id) => names.get(id) ?? `${id} (removed)`).join(", ");
      return Number.parseFloat(after) === 0 ? list : `${list} after ${after}`;
    })
    .join("; ");
}
