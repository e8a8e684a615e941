import { h, renderIfChanged } from "./dom.ts";
import type { Control, Field } from "./field.ts";
import { toCopy } from "./to-copy.ts";

/** As many as there are in the key of HMAC-SHA256. */
const SECRET_BYTES = 32;

/** A secret that webhooks are signed with, as Standard Webhooks writes them. */
const makeSecret = (): string =>
  `whsec_${btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(SECRET_BYTES))))}`;

/**
 * The field of such secrets with a button that makes one: it goes into the field, after those that a
 * person wrote there, and is shown beside it to be copied, for as long as the form is open.
 * @param isKept whether there are secrets already, which the page does not know.
 */
export function withSecretMaker(field: Field<Control>, isKept: boolean): Field<Control> {
  let made = "";
  const place = h("div", { class: "fields" });

  function make(): void {
    const { input } = field;
    const written = input.value
      .split(",")
      .map((secret) => secret.trim())
      .filter((secret) => secret !== "" && secret !== made);
    made = makeSecret();
    input.value = [...written, made].join(", ");
    const shown = toCopy(made);
    shown.setAttribute("aria-label", "The new secret");
    renderIfChanged(place, made, () => [
      h("p", { class: "hint" }, "Give this to the receiver now: it is not shown again once it is saved."),
      shown,
      isKept &&
        h(
          "p",
          { class: "hint" },
          "It takes the place of those that there are. Where these are to hold until the receiver has it, write them beside it.",
        ),
    ]);
    shown.focus();
  }

  return {
    ...field,
    element: h(
      "div",
      { class: "fields" },
      field.element,
      h("div", {}, h("button", { type: "button", onclick: make }, "Make a secret")),
      place,
    ),
  };
}
