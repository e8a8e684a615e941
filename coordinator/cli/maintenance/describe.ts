import type { MaintenanceRow } from "../../http/api-types.ts";
import { whenInWords, whomInWords } from "../../maintenance/words.ts";
import { oneLine } from "../table.ts";

/** What is said of a window that was made: for whom it is, and when. */
export function added(window: MaintenanceRow): string {
  return `Added ${oneLine(window.name)} as ${window.id}: ${whomInWords(window)}, ${whenInWords(window.when)}.\n`;
}

/** Whether it is on now, or when it will be. */
export function nextInWords({ active, next, enabled }: MaintenanceRow): string {
  if (!enabled) return "switched off";
  if (next === null) return "over";
  return active ? `now, until ${next.to}` : next.from;
}
