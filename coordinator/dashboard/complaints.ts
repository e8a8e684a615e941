import type { FieldError } from "../http/api-types.ts";
import { h } from "./dom.ts";
import type { Place } from "./field.ts";

export interface Complaints {
  /** Where stands what belongs to no field of the form. */
  readonly element: HTMLElement;
  /** Shows what is wrong, beside the fields or above them, and goes to the first; an empty list clears it. */
  show(errors: readonly FieldError[]): void;
}

/** What is wrong with a form, as the API says it; `placeOf` tells the field of the form that an API's field came from. */
export function createComplaints<Name extends string>(
  fields: Readonly<Record<Name, Place>>,
  placeOf: (field: string) => Name | null,
): Complaints {
  const element = h("p", { class: "form-error", role: "alert", hidden: true });
  const all: readonly Place[] = Object.values(fields);
  const isWrong = ({ input }: Place) => input.getAttribute("aria-invalid") === "true";
  return {
    element,
    show(errors) {
      for (const field of all) field.complain(null);
      element.hidden = true;
      for (const { field, rule } of errors) {
        const place = placeOf(field);
        if (place === null) {
          element.textContent = field === "" ? rule : `${field}: ${rule}`;
          element.hidden = false;
        } else if (!isWrong(fields[place])) {
          // The first of several is the one to mend first.
          fields[place].complain(rule.charAt(0).toUpperCase() + rule.slice(1));
        }
      }
      all.find(isWrong)?.input.focus();
    },
  };
}
