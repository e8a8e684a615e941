/** What goes into an element: text is always text, never markup. Null and false are left out. */
export type Child = Node | string | number | null | false;

type Attributes = Readonly<Record<string, string | number | boolean | null | ((event: Event) => void)>>;

/**
 * An element with attributes, listeners (`onclick: …`) and children. `true` sets
 * an attribute without a value; `false` and null leave it out.
 */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice("on".length), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...present(children));
  return element;
}

const present = (children: readonly Child[]) =>
  children
    .filter((child) => child !== null && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));

const shown = new WeakMap<Element, string>();

/**
 * Renders into an element only when the value differs from the last one, so that
 * focus, selected text and tooltips survive a refresh that brought nothing new.
 */
export function renderIfChanged(element: Element, value: unknown, render: () => readonly Child[]): void {
  const key = JSON.stringify(value);
  if (shown.get(element) === key) return;
  shown.set(element, key);
  element.replaceChildren(...present(render()));
}

/** Sets an attribute only when it differs: writing the same again would still make browsers work. */
export function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** An element that is kept from refresh to refresh, and how it takes in a newer item. */
export interface Kept<Item> {
  readonly element: HTMLElement;
  update(item: Item): void;
}

/** Keeps one child per item, in the items' order, under a parent that has no other children. */
export function createKeyedList<Item>(
  parent: Element,
  keyOf: (item: Item) => string,
  create: (item: Item) => Kept<Item>,
): (items: readonly Item[]) => void {
  let kept = new Map<string, Kept<Item>>();
  return (items) => {
    const next = new Map<string, Kept<Item>>();
    for (const item of items) {
      const key = keyOf(item);
      const child = kept.get(key) ?? create(item);
      child.update(item);
      next.set(key, child);
    }
    for (const [key, { element }] of kept) if (!next.has(key)) element.remove();
    kept = next;
    const focused = document.activeElement;
    let place = parent.firstElementChild;
    for (const { element } of next.values()) {
      if (element === place) place = place.nextElementSibling;
      else parent.insertBefore(element, place);
    }
    // Moving an element takes the focus away from it.
    if (focused instanceof HTMLElement && focused !== document.activeElement && parent.contains(focused)) {
      focused.focus({ preventScroll: true });
    }
  };
}
