import type { Child, Kept } from "./dom.ts";
import { createKeyedList, h } from "./dom.ts";

export interface ListSection<Item> {
  readonly element: HTMLElement;
  /** Shows the items, or what is said where there are none. */
  show(items: readonly Item[]): void;
}

/** A part of a page with a heading, a button or none, and a table whose rows stay the same elements; on phones, cards. */
export function createListSection<Item extends { readonly id: string }>({
  title,
  columns,
  action,
  empty,
  create,
}: {
  readonly title: string;
  readonly columns: readonly string[];
  readonly action: HTMLElement | null;
  readonly empty: string;
  readonly create: (item: Item) => Kept<Item>;
}): ListSection<Item> {
  const id = `section-${title.toLowerCase()}`;
  const body = h("tbody", { role: "rowgroup" });
  const head = columns.map((column) => h("th", { role: "columnheader", scope: "col" }, column));
  // The roles are those that the elements have by themselves, until the style sheet makes cards of them.
  const table = h(
    "div",
    { class: "scroll", hidden: true },
    h(
      "table",
      { role: "table", "aria-labelledby": id },
      h(
        "thead",
        { role: "rowgroup" },
        h(
          "tr",
          { role: "row" },
          ...head,
          h("th", { role: "columnheader", scope: "col" }, h("span", { class: "visually-hidden" }, "Actions")),
        ),
      ),
      body,
    ),
  );
  const nothing = h("p", { class: "empty", hidden: true }, empty);
  const list = createKeyedList<Item>(body, ({ id }) => id, create);
  return {
    element: h(
      "section",
      { "aria-labelledby": id },
      h("div", { class: "section-heading" }, h("h2", { id }, title), action),
      table,
      nothing,
    ),
    show(items) {
      list(items);
      table.hidden = items.length === 0;
      nothing.hidden = items.length > 0;
    },
  };
}

/** A row of such a table: what it is about, further cells, and buttons. */
export function listRow(name: Child, cells: readonly HTMLElement[], buttons: readonly HTMLElement[]): HTMLElement {
  return h(
    "tr",
    { role: "row" },
    h("th", { role: "rowheader", scope: "row" }, name),
    ...cells.map((cell) => h("td", { role: "cell" }, cell)),
    h("td", { role: "cell", class: "actions" }, h("div", { class: "buttons" }, ...buttons)),
  );
}
