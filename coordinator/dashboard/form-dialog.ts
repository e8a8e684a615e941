import { openDialog } from "./dialog.ts";
import type { Child } from "./dom.ts";
import { h } from "./dom.ts";

/** A dialog with a form, the focus in its first text field; it closes when what the form asks for was done. */
export function openFormDialog({
  title,
  action,
  content,
  submit,
}: {
  readonly title: string;
  /** The word on the button that does it. */
  readonly action: string;
  readonly content: readonly Child[];
  /** Does it, once at a time. Resolves to whether it was done. */
  readonly submit: () => Promise<boolean>;
}): HTMLDialogElement {
  const button = h("button", { type: "submit", class: "primary" }, action);
  const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");

  async function onSubmit(event: Event): Promise<void> {
    event.preventDefault();
    button.disabled = true;
    try {
      if (await submit()) dialog.close();
    } finally {
      button.disabled = false;
    }
  }

  const form = h(
    "form",
    { novalidate: true, autocomplete: "off", onsubmit: (event) => void onSubmit(event) },
    ...content,
    h("div", { class: "dialog-actions" }, cancel, button),
  );
  const dialog = openDialog(title, form);
  form.querySelector<HTMLInputElement>("input[type=text]")?.focus();
  return dialog;
}
