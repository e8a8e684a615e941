import { h } from "./dom.ts";

export interface Field {
  readonly element: HTMLElement;
  readonly input: HTMLInputElement;
  /** Shows, beside the field, what is wrong with its value; null when nothing is. */
  complain(rule: string | null): void;
  rename(label: string, hint: string): void;
}

/** A labelled text field with a hint and a place for what is wrong with it. */
export function createField({
  label,
  hint = "",
  input: attributes,
}: {
  readonly label: string;
  readonly hint?: string;
  readonly input: Readonly<Record<string, string | boolean>> & { readonly name: string };
}): Field {
  const id = `field-${attributes.name}`;
  const error = h("p", { class: "field-error", id: `${id}-error`, hidden: true });
  const about = h("p", { class: "hint", id: `${id}-hint`, hidden: hint === "" }, hint);
  const name = h("label", { for: id }, label);
  const input = h("input", { type: "text", ...attributes, id, "aria-describedby": `${id}-error ${id}-hint` });
  return {
    element: h("div", { class: "field" }, name, input, error, about),
    input,
    complain(rule) {
      error.textContent = rule;
      error.hidden = rule === null;
      input.setAttribute("aria-invalid", String(rule !== null));
    },
    rename(newLabel, newHint) {
      name.textContent = newLabel;
      about.textContent = newHint;
    },
  };
}
