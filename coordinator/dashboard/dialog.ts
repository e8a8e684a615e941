import { h } from "./dom.ts";

/** A modal dialog; Escape closes it, and the focus goes back to where it was. */
export function openDialog(title: string, ...content: readonly HTMLElement[]): HTMLDialogElement {
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, h("h2", { id: "dialog-title" }, title), ...content);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Asks before something that cannot be taken back. Resolves to whether it is wanted. */
export function confirm({
  title,
  text,
  action,
}: {
  readonly title: string;
  readonly text: string;
  /** The word on the button that does it. */
  readonly action: string;
}): Promise<boolean> {
  const cancel = h("button", { type: "button", autofocus: true, onclick: () => dialog.close() }, "Cancel");
  const go = h("button", { type: "button", class: "danger", onclick: () => dialog.close("go") }, action);
  const dialog = openDialog(title, h("p", {}, text), h("div", { class: "dialog-actions" }, cancel, go));
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "go"));
  });
}
