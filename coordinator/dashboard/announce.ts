import type { MonitorRow } from "../http/api-types.ts";
import type { Verdict } from "../verdict/verdict.ts";
import { verdictWords } from "./words.ts";

/** More changes at once than this are counted and not named. */
const MAX_NAMED = 3;

/** Tells a screen reader, when it has nothing else to say. What refreshes by itself is not told. */
export function announce(text: string): void {
  const region = document.getElementById("announcements");
  if (region) region.textContent = text;
}

/** Announces verdicts that changed since the last call, and nothing at the first. */
export function createVerdictAnnouncer(): (monitors: readonly MonitorRow[]) => void {
  let before: ReadonlyMap<string, Verdict> | undefined;
  return (monitors) => {
    const changed = monitors.filter(({ id, status }) => before?.has(id) && before.get(id) !== status.verdict);
    before = new Map(monitors.map(({ id, status }) => [id, status.verdict]));
    if (changed.length > MAX_NAMED) announce(`${changed.length} monitors changed.`);
    else if (changed.length > 0) {
      announce(changed.map(({ name, status }) => `${name}: ${verdictWords[status.verdict]}.`).join(" "));
    }
  };
}
