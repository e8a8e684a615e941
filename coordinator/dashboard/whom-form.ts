import type { FieldError, MonitorRow } from "../http/api-types.ts";
import { createChecks } from "./checks.ts";
import { h } from "./dom.ts";
import type { Place } from "./field.ts";
import { createField } from "./field.ts";
import { icon } from "./icons.ts";
import { monitorTypeWords } from "./words.ts";

interface Whom {
  readonly monitors?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly types?: readonly string[] | undefined;
}

/** For which monitors a rule or a window is. */
export interface WhomForm {
  readonly elements: readonly HTMLElement[];
  readonly fields: Readonly<Record<"monitors" | "tags" | "types", Place>>;
  /** What the page can tell better than the API, which never sees a name. */
  errors(): FieldError[];
  values(): { readonly monitors: string[]; readonly tags: string[]; readonly types: string[] };
}

/**
 * Asks for monitors by name, for tags, and for types of monitors.
 * @param name what the ids of its elements begin with.
 * @param current what is changed; null for something new.
 */
export function createWhomForm(
  name: string,
  monitors: ReadonlyArray<Pick<MonitorRow, "id" | "name">>,
  current: Whom | null,
): WhomForm {
  const names = new Map(monitors.map((each) => [each.id, each.name]));
  const chosen = new Set(current?.monitors);
  const types = new Set(current?.types);
  const field = createField({
    label: "Monitor",
    hint: "its name; with no monitor, no tag and no type, all of them",
    input: { name: `${name}-monitor`, list: `${name}-monitors`, autocomplete: "off" },
  });
  const tags = createField({
    label: "Tags",
    hint: "such as production, shop",
    input: {
      name: `${name}-tags`,
      value: (current?.tags ?? []).join(", "),
      autocomplete: "off",
      autocapitalize: "none",
    },
  });
  const kinds = createChecks({
    name: `${name}-types`,
    legend: "Types of monitors",
    chosen: types,
    options: [...new Set([...Object.keys(monitorTypeWords), ...types])].map((type) => [
      type,
      monitorTypeWords[type as keyof typeof monitorTypeWords] ?? type,
    ]),
  });
  const list = h("ul", { class: "chosen", "aria-label": "Chosen monitors" });

  const typed = () => {
    const wanted = field.input.value.trim();
    return wanted === "" ? [] : monitors.filter((each) => each.name === wanted).map(({ id }) => id);
  };
  const errors = () =>
    field.input.value.trim() !== "" && typed().length === 0
      ? [{ field: "monitors", rule: "no monitor has this name" }]
      : [];

  function choose(): void {
    const [error] = errors();
    field.complain(error ? "No monitor has this name" : null);
    if (!error) {
      for (const id of typed()) chosen.add(id);
      field.input.value = "";
      show();
    }
    field.input.focus();
  }

  function remove(id: string): void {
    chosen.delete(id);
    show();
    field.input.focus();
  }

  function show(): void {
    list.hidden = chosen.size === 0;
    list.replaceChildren(
      ...[...chosen].map((id) => {
        const called = names.get(id) ?? `${id} (deleted)`;
        const label = `Remove ${called}`;
        const button = { type: "button", class: "icon-button", "aria-label": label, title: label };
        return h(
          "li",
          {},
          h("span", {}, called),
          h("button", { ...button, onclick: () => remove(id) }, icon("remove")),
        );
      }),
    );
  }

  show();
  return {
    elements: [
      h(
        "div",
        { class: "with-button" },
        field.element,
        h("button", { type: "button", onclick: choose }, "Add another"),
      ),
      list,
      h("datalist", { id: `${name}-monitors` }, ...monitors.map((each) => h("option", { value: each.name }))),
      tags.element,
      kinds.element,
    ],
    fields: { monitors: field, tags, types: kinds },
    errors,
    values: () => ({
      monitors: [...new Set([...chosen, ...typed()])],
      tags: tags.input.value
        .split(",")
        .map((tag) => tag.trim())
        .filter((tag) => tag !== ""),
      types: [...types],
    }),
  };
}

/** The field of such a form that an API's field came from. */
export function whomPlaceOf(field: string) {
  const place = field.split(".")[0];
  return place === "monitors" || place === "tags" || place === "types" ? place : null;
}
