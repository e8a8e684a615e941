import { h } from "./dom.ts";

/** Boxes to tick; the set holds those that are ticked. */
export function checks(
  legend: string,
  chosen: Set<string>,
  options: ReadonlyArray<readonly [value: string, label: string]>,
  none: string,
): HTMLFieldSetElement {
  const box = ([value, label]: readonly [string, string]) => {
    function toggle(event: Event): void {
      if ((event.target as HTMLInputElement).checked) chosen.add(value);
      else chosen.delete(value);
    }
    return h("label", {}, h("input", { type: "checkbox", checked: chosen.has(value), onchange: toggle }), label);
  };
  return h(
    "fieldset",
    { class: "checks" },
    h("legend", {}, legend),
    ...(options.length > 0 ? options.map(box) : [h("p", { class: "hint" }, none)]),
  );
}
