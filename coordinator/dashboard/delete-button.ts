import { announce } from "./announce.ts";
import { attempt } from "./attempt.ts";
import type { PageContext } from "./context.ts";
import { confirm } from "./dialog.ts";
import type { Kept } from "./dom.ts";
import { h, setAttribute } from "./dom.ts";
import { icon } from "./icons.ts";

interface Deletable {
  readonly path: string;
  readonly name: string;
  /** What is lost with it. */
  readonly loss: string;
}

/** A button that deletes what stands in its row, once that is confirmed. */
export function deleteButton(context: PageContext, first: Deletable): Kept<Deletable> {
  let shown = first;
  async function remove(): Promise<void> {
    const { path, name, loss } = shown;
    const isWanted = await confirm({ title: `Delete ${name}?`, text: loss, action: "Delete" });
    if (!isWanted || !(await attempt(context, `${name} was not deleted`, () => context.api.remove(path)))) return;
    announce(`${name} is deleted.`);
    document.querySelector("h1")?.focus();
  }
  const element = h("button", { type: "button", class: "icon-button", onclick: () => void remove() }, icon("remove"));
  function update(newer: Deletable): void {
    shown = newer;
    const label = `Delete ${newer.name}`;
    setAttribute(element, "aria-label", label);
    setAttribute(element, "title", label);
  }
  update(first);
  return { element, update };
}
