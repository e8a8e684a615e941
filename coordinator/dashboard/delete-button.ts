import { announce } from "./announce.ts";
import { attempt } from "./attempt.ts";
import type { PageContext } from "./context.ts";
import { confirm } from "./dialog.ts";
import { h } from "./dom.ts";
import { icon } from "./icons.ts";

/** A button that deletes what stands in its row, once that is confirmed. */
export function deleteButton(
  context: PageContext,
  { path, name, loss }: { readonly path: string; readonly name: string; readonly loss: string },
): HTMLElement {
  async function remove(): Promise<void> {
    const isWanted = await confirm({ title: `Delete ${name}?`, text: loss, action: "Delete" });
    if (!isWanted || !(await attempt(context, `${name} was not deleted`, () => context.api.remove(path)))) return;
    announce(`${name} is deleted.`);
    document.querySelector("h1")?.focus();
  }
  const label = `Delete ${name}`;
  return h(
    "button",
    { type: "button", class: "icon-button", "aria-label": label, title: label, onclick: () => void remove() },
    icon("remove"),
  );
}
