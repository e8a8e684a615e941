import { h } from "./dom.ts";

/** Text that one click selects, or the focus. */
export function toCopy(text: string): HTMLElement {
  const element = h(
    "pre",
    { class: "to-copy", tabindex: "0", onfocus: () => getSelection()?.selectAllChildren(element) },
    h("code", {}, text),
  );
  return element;
}
