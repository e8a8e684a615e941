import { agentSettings } from "../../agent/config.ts";
import { settings as commandSettings } from "../../coordinator/cli/settings.ts";
import { coordinatorSettings } from "../../coordinator/config.ts";
import type { Settings } from "../../shared/env.ts";
import { checkErrorCodes } from "../../shared/errors.ts";
import { programSettings } from "../../shared/program-settings.ts";
import { queueSettings } from "../../shared/queues.ts";

const sharedSettings = { ...queueSettings, ...programSettings };

/** A Markdown table of settings. */
function settingsTable(settings: Settings): string {
  const rows = Object.values(settings).map(
    ({ variable, about, form, fallback }) =>
      `| \`${variable}\` | ${about} | ${form} | ${fallback === null ? "" : `\`${String(fallback)}\``} |`,
  );
  return ["| variable | what it is | form | when not set |", "|---|---|---|---|", ...rows].join("\n");
}

const without = (settings: Settings, others: Settings): Settings =>
  Object.fromEntries(Object.entries(settings).filter(([key]) => !(key in others)));

/** The parts of the README that are made from the code, by the comment that stands above each. */
export const generated: Readonly<Record<string, string>> = {
  "settings: both": settingsTable(sharedSettings),
  "settings: coordinator": settingsTable(without(coordinatorSettings, sharedSettings)),
  "settings: agent": settingsTable(without(agentSettings, sharedSettings)),
  "settings: commands": settingsTable(commandSettings),
  "error codes": checkErrorCodes.map((code) => `\`${code}\``).join(", "),
};

/** The text with these parts as the code has them. */
export function withGenerated(text: string): string {
  return Object.entries(generated).reduce((result, [name, part]) => {
    const start = `<!-- ${name} -->\n`;
    const from = result.indexOf(start) + start.length;
    const to = result.indexOf(`<!-- end of ${name.split(":")[0]} -->`, from);
    if (from < start.length || to < from) throw new Error(`the README has no place for ${start}`);
    return `${result.slice(0, from)}${part}\n${result.slice(to)}`;
  }, text);
}
