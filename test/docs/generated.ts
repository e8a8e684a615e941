import { z } from "zod";
import { agentSettings } from "../../agent/config.ts";
import { settings as commandSettings } from "../../coordinator/cli/settings.ts";
import { coordinatorSettings } from "../../coordinator/config.ts";
import { noticeDocument } from "../../coordinator/notify/channels/document.ts";
import { channels } from "../../coordinator/notify/channels/index.ts";
import type { Settings } from "../../shared/env.ts";
import { checkErrorCodes } from "../../shared/errors.ts";
import { programSettings } from "../../shared/program-settings.ts";
import { queueSettings } from "../../shared/queues.ts";

const sharedSettings = { ...queueSettings, ...programSettings };

/** A Markdown table of settings. */
function settingsTable(settings: Settings): string {
  const rows = Object.values(settings).map(
    ({ variable, about, form, fallback }) =>
      `| \`${variable}\` | ${about} | ${form} | ${fallback === null || String(fallback) === "" ? "" : `\`${String(fallback)}\``} |`,
  );
  return ["| variable | what it is | form | when not set |", "|---|---|---|---|", ...rows].join("\n");
}

/** A Markdown table of the channels' settings. */
function channelTable(): string {
  const rows = Object.entries(channels).flatMap(([type, { settings, secrets }]) => {
    const { properties = {}, required = [] } = z.toJSONSchema(settings as z.ZodType, { io: "input" });
    return Object.entries(properties).map(([name, property], index) => {
      const { description, default: fallback } = property as z.core.JSONSchema.BaseSchema;
      const whenLeftOut = fallback === undefined || typeof fallback === "object" ? "none" : `\`${fallback}\``;
      const secret = (secrets as readonly string[]).includes(name) ? " (secret)" : "";
      return [
        index === 0 ? `\`${type}\`` : "",
        `\`${name}\``,
        `${description}${secret}`,
        required.includes(name) ? "required" : whenLeftOut,
      ];
    });
  });
  return ["| channel | setting | what it is | when left out |", "|---|---|---|---|", ...rows.map(rowOf)].join("\n");
}

const rowOf = (cells: readonly string[]): string => `|${cells.map((cell) => ` ${cell} |`).join("")}`;

/** The JSON schema of what webhooks and commands get. */
export const webhookSchema = `${JSON.stringify(z.toJSONSchema(noticeDocument, { io: "input" }), null, 2)}\n`;

const without = (settings: Settings, others: Settings): Settings =>
  Object.fromEntries(Object.entries(settings).filter(([key]) => !(key in others)));

/** The parts of the README that are made from the code, by the comment that stands above each. */
export const generated: Readonly<Record<string, string>> = {
  "settings: both": settingsTable(sharedSettings),
  "settings: coordinator": settingsTable(without(coordinatorSettings, sharedSettings)),
  "settings: agent": settingsTable(without(agentSettings, sharedSettings)),
  "settings: commands": settingsTable(commandSettings),
  channels: channelTable(),
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
