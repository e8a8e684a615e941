import { h } from "./dom.ts";

export type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** Where what is wrong with a form can stand. */
export interface Place {
  /** What takes the focus. */
  readonly input: HTMLElement;
  /** Shows, beside it, what is wrong with its value; null when nothing is. */
  complain(rule: string | null): void;
}

export interface Field<C extends Control = HTMLInputElement> extends Place {
  readonly element: HTMLElement;
  readonly input: C;
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
  return labelled(h("input", { type: "text", ...attributes }), { label, hint, name: attributes.name });
}

/** A control under its label, with a hint and a place for what is wrong with its value. */
export function labelled<C extends Control>(
  input: C,
  { label, hint, name }: { readonly label: string; readonly hint: string; readonly name: string },
): Field<C> {
  const id = `field-${name}`;
  const error = h("p", { class: "field-error", id: `${id}-error`, hidden: true });
  const about = h("p", { class: "hint", id: `${id}-hint`, hidden: hint === "" }, hint);
  const title = h("label", { for: id }, label);
  input.id = id;
  input.setAttribute("aria-describedby", `${id}-error ${id}-hint`);
  return {
    element: h("div", { class: "field" }, title, input, error, about),
    input,
    complain(rule) {
      error.textContent = rule;
      error.hidden = rule === null;
      input.setAttribute("aria-invalid", String(rule !== null));
    },
    rename(newLabel, newHint) {
      title.textContent = newLabel;
      about.textContent = newHint;
    },
  };
}
