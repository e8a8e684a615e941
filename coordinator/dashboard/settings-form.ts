import type { ChannelRow, ChannelTypeRow, SettingSchema } from "../http/api-types.ts";
import { h } from "./dom.ts";
import type { Control, Field } from "./field.ts";
import { labelled } from "./field.ts";
import { withSecretMaker } from "./secret-maker.ts";
import { settingLabel } from "./setting-label.ts";

/** Texts that may be longer than this have several lines, such as a certificate. */
const MAX_LINE = 4_096;

export interface SettingsForm {
  readonly fields: Readonly<Record<string, Field<Control>>>;
  /** The settings as the API takes them; what is left empty is left out. */
  values(): Record<string, unknown>;
}

/** What the API has in place of a secret; sent back, it leaves the secret as it is. */
const HIDDEN = "***";
/** What is written to take a secret away that need not be there. */
const REMOVED = "-";

/**
 * The fields that a type of channel asks for, made of the JSON schema of its settings.
 * @param current the settings of the channel that is changed, as the API returns them; null for a new one.
 */
export function createSettingsForm(
  { settings, secrets }: ChannelTypeRow,
  current: ChannelRow["settings"] | null,
): SettingsForm {
  const required = new Set(settings.required);
  const entries = Object.entries(settings.properties).map(([name, schema]) => {
    const isKept = current?.[name] === HIDDEN;
    const plain = labelled(controlOf(name, schema, { isSecret: secrets.includes(name), current }), {
      name: `setting-${name}`,
      label: settingLabel(name),
      hint: [hintOf(schema, required.has(name)), isKept && keptHint(required.has(name))].filter(Boolean).join(". "),
    });
    const field = schema.items?.format === "webhook-secret" ? withSecretMaker(plain, isKept) : plain;
    if (required.has(name)) field.input.setAttribute("aria-required", "true");
    return { name, schema, field, isKept };
  });
  return {
    fields: Object.fromEntries(entries.map(({ name, field }) => [name, field])),
    values: () =>
      Object.fromEntries(
        entries.flatMap(({ name, schema, field, isKept }) => {
          const text = field.input.value.trim();
          if (isKept && text === "") return [[name, HIDDEN]];
          const isRemoved = isKept && text === REMOVED && !required.has(name);
          return text === "" || isRemoved ? [] : [[name, settingOf(schema, text)]];
        }),
      ),
  };
}

function controlOf(
  name: string,
  schema: SettingSchema,
  { isSecret, current }: { readonly isSecret: boolean; readonly current: ChannelRow["settings"] | null },
): Control {
  const isKept = current?.[name] === HIDDEN;
  const value = isKept ? "" : textOf(current ? current[name] : schema.default);
  if (schema.enum) {
    return h("select", {}, ...schema.enum.map((each) => h("option", { value: each, selected: each === value }, each)));
  }
  const plain = { name, autocomplete: "off", spellcheck: "false", autocapitalize: "none" };
  const kept = { placeholder: isKept ? "••••••••" : null };
  if (schema.type === "object" || (schema.maxLength ?? 0) > MAX_LINE) {
    return h("textarea", { ...plain, ...kept, rows: 3 }, value);
  }
  return h("input", {
    ...plain,
    ...kept,
    value,
    // Browsers offer to keep what stands in a password field, unless it is a new one.
    ...(isSecret ? { type: "password", autocomplete: "new-password" } : { type: "text" }),
    ...(schema.type === "integer" && { inputmode: "numeric" }),
  });
}

const keptHint = (isRequired: boolean): string =>
  isRequired ? "Left empty, it stays as it is" : `Left empty, it stays as it is; ${REMOVED} takes it away`;

/** A setting as it stands in its field. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value !== "object" || value === null) return String(value ?? "");
  return Object.entries(value)
    .map(([name, text]) => `${name}: ${text}`)
    .join("\n");
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
