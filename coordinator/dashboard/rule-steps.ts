import type { ChannelRow } from "../http/api-types.ts";
import { checks } from "./checks.ts";
import { h } from "./dom.ts";
import type { Field } from "./field.ts";
import { createField } from "./field.ts";

/** Whom to tell at once, and whom when nobody has acknowledged it by then. */
export interface StepsForm {
  readonly element: HTMLElement;
  /** When each further step is due, by the number of the step in the API's list. */
  readonly fields: Readonly<Record<`after${1 | 2 | 3 | 4}`, Field>>;
  /** Whether some step tells nobody. */
  readonly isIncomplete: boolean;
  values(): Array<{ readonly after: string; readonly channels: readonly string[] }>;
}

interface Step {
  readonly element: HTMLElement;
  readonly after: Field | null;
  readonly told: Set<string>;
}

/** The steps of a rule: the first, and up to four more that a person asks for. */
export function createStepsForm(channels: readonly ChannelRow[]): StepsForm {
  const options = channels.map(({ id, name }) => [id, name] as const);
  const none = "There is no channel yet: add one first.";
  const first: Step = { after: null, ...tells("Channels", channels.length === 1 ? options.map(([id]) => id) : []) };
  const further = [after(1, "15m"), after(2, "30m"), after(3, "1h"), after(4, "2h")] as const;
  const more = ([1, 2, 3, 4] as const).map((n): Step => {
    const { element, told } = tells("and tell", []);
    const field = further[n - 1] as Field;
    const label = { role: "group", "aria-label": `Step ${n + 1}` };
    return {
      element: h("div", { class: "fields", hidden: true, ...label }, field.element, element),
      after: field,
      told,
    };
  });
  const add = h("button", { type: "button", onclick: () => show(shown + 1) }, "Tell others later");
  const remove = h("button", { type: "button", hidden: true, onclick: () => show(shown - 1) }, "Remove the last step");
  let shown = 0;

  function tells(legend: string, chosen: readonly string[]) {
    const told = new Set(chosen);
    return { told, element: checks(legend, told, options, none) };
  }

  function after(n: number, value: string): Field {
    const hint = "since the beginning; not told once it is acknowledged or over";
    return createField({
      label: "If it goes on for",
      hint,
      input: { name: `rule-after-${n}`, value, autocomplete: "off" },
    });
  }

  function show(count: number): void {
    const isMore = count > shown;
    shown = count;
    for (const [n, step] of more.entries()) step.element.hidden = n >= count;
    add.hidden = count === more.length;
    remove.hidden = count === 0;
    // What was pressed may be gone.
    if (isMore) more[count - 1]?.after?.input.focus();
    else add.focus();
  }

  const wanted = (): Step[] => [first, ...more.slice(0, shown)];
  return {
    element: h(
      "div",
      { class: "fields" },
      first.element,
      ...more.map(({ element }) => element),
      h("div", { class: "side-by-side" }, add, remove),
    ),
    fields: { after1: further[0], after2: further[1], after3: further[2], after4: further[3] },
    get isIncomplete() {
      return wanted().some(({ told }) => told.size === 0);
    },
    values: () =>
      wanted().map(({ after, told }) => ({ after: after?.input.value.trim() || "0s", channels: [...told] })),
  };
}
