import type { Settings } from "./env.ts";

/** The settings as lines for a terminal. */
export function listSettings(settings: Settings): string {
  const all = Object.values(settings);
  const width = Math.max(...all.map(({ variable }) => variable.length));
  const lines = all.map(({ variable, about, form, fallback }) => {
    const otherwise = fallback === null ? "" : `, ${String(fallback)} when not set`;
    return `  ${variable.padEnd(width)}  ${about}\n  ${"".padEnd(width)}  (${form}${otherwise})`;
  });
  return `${lines.join("\n")}\n`;
}
