import { h } from "./dom.ts";
import type { Place } from "./field.ts";

/** Boxes to tick, under a legend, with a place for what is wrong with the choice. */
export interface Checks extends Place {
  readonly element: HTMLFieldSetElement;
}

/** Boxes to tick; the set holds those that are ticked. */
export function createChecks({
  name,
  legend,
  chosen,
  options,
  hint = "",
  look = "checks",
}: {
  readonly name: string;
  readonly legend: string;
  readonly chosen: Set<string>;
  readonly options: ReadonlyArray<readonly [value: string, label: string]>;
  readonly hint?: string;
  readonly look?: "checks" | "choice weekdays";
}): Checks {
  const id = `checks-${name}`;
  const boxes = options.map(([value]) => {
    function toggle(event: Event): void {
      if ((event.target as HTMLInputElement).checked) chosen.add(value);
      else chosen.delete(value);
    }
    return h("input", { type: "checkbox", name: value, checked: chosen.has(value), onchange: toggle });
  });
  const labels = options.map(([, label], n) => h("label", {}, boxes[n] as HTMLElement, h("span", {}, label)));
  const error = h("p", { class: "field-error", id: `${id}-error`, hidden: true });
  const element = h(
    "fieldset",
    { class: look, "aria-describedby": `${id}-error ${id}-hint`, tabindex: boxes.length === 0 && "-1" },
    h("legend", {}, legend),
    ...labels,
    error,
    h("p", { class: "hint", id: `${id}-hint`, hidden: hint === "" }, hint),
  );
  const input = boxes[0] ?? element;
  return {
    element,
    input,
    complain(rule) {
      error.textContent = rule;
      error.hidden = rule === null;
      input.setAttribute("aria-invalid", String(rule !== null));
    },
  };
}
