import type { ChannelTypeRow, SettingSchema } from "../http/api-types.ts";
import { h } from "./dom.ts";
import type { Control, Field } from "./field.ts";
import { labelled } from "./field.ts";
import { settingLabel } from "./setting-label.ts";

/** Texts that may be longer than this have several lines, such as a certificate. */
const MAX_LINE = 4_096;

export interface SettingsForm {
  readonly fields: Readonly<Record<string, Field<Control>>>;
  /** The settings as the API takes them; what is left empty is left out. */
  values(): Record<string, unknown>;
}

/** The fields that a type of channel asks for, made of the JSON schema of its settings. */
export function createSettingsForm({ settings, secrets }: ChannelTypeRow): SettingsForm {
  const required = new Set(settings.required);
  const entries = Object.entries(settings.properties).map(([name, schema]) => {
    const field = labelled(controlOf(name, schema, secrets.includes(name)), {
      name: `setting-${name}`,
      label: settingLabel(name),
      hint: hintOf(schema, required.has(name)),
    });
    if (required.has(name)) field.input.setAttribute("aria-required", "true");
    return { name, schema, field };
  });
  return {
    fields: Object.fromEntries(entries.map(({ name, field }) => [name, field])),
    values: () =>
      Object.fromEntries(
        entries.flatMap(({ name, schema, field }) => {
          const text = field.input.value.trim();
          return text === "" ? [] : [[name, settingOf(schema, text)]];
        }),
      ),
  };
}

function controlOf(name: string, schema: SettingSchema, isSecret: boolean): Control {
  if (schema.enum) {
    const option = (value: string) => h("option", { value, selected: value === schema.default }, value);
    return h("select", {}, ...schema.enum.map(option));
  }
  const value = schema.type === "object" ? "" : String(schema.default ?? "");
  const plain = { name, autocomplete: "off", spellcheck: "false", autocapitalize: "none" };
  if (schema.type === "object" || (schema.maxLength ?? 0) > MAX_LINE) return h("textarea", { ...plain, rows: 3 });
  return h("input", {
    ...plain,
    value,
    // Browsers offer to keep what stands in a password field, unless it is a new one.
    ...(isSecret ? { type: "password", autocomplete: "new-password" } : { type: "text" }),
    ...(schema.type === "integer" && { inputmode: "numeric" }),
  });
}

function hintOf({ type, description = "", default: fallback }: SettingSchema, isRequired: boolean): string {
  const forms: Readonly<Record<string, string>> = { array: "separated by commas", object: "one Name: value per line" };
  const about = [description.replaceAll("`", ""), forms[type]].filter(Boolean).join("; ");
  return isRequired || typeof fallback === "string" || typeof fallback === "number" ? about : `${about} (optional)`;
}

/** What a text stands for; what does not fit is for the API to refuse. */
function settingOf({ type }: SettingSchema, text: string): unknown {
  if (type === "integer") return /^-?\d+$/.test(text) ? Number(text) : text;
  if (type === "array") return listOf(text, ",");
  if (type !== "object") return text;
  return Object.fromEntries(
    listOf(text, "\n").map((line) => {
      const [name = "", ...value] = line.split(":");
      return [name.trim(), value.join(":").trim()];
    }),
  );
}

const listOf = (text: string, separator: string): string[] =>
  text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== "");
