import type { AlertRuleRow, ChannelRow, FieldError } from "../http/api-types.ts";
import type { Checks } from "./checks.ts";
import { createChecks } from "./checks.ts";
import { h } from "./dom.ts";
import type { Field, Place } from "./field.ts";
import { createField } from "./field.ts";

type Steps = AlertRuleRow["steps"];

/** When each step but the first is due, until a person says otherwise. There are no more steps than the API takes. */
const usualAfters = ["15m", "30m", "1h", "2h", "4h", "8h", "12h", "1d", "2d"] as const;

/** Whom to tell at once, and whom when nobody has acknowledged it by then. */
export interface StepsForm {
  readonly element: HTMLElement;
  /** By their place in the API's document, such as `steps.1.after` and `steps.1.channels`. */
  readonly fields: Readonly<Record<string, Place>>;
  /** The steps that tell nobody. */
  errors(): FieldError[];
  values(): Steps;
}

interface Step {
  readonly element: HTMLElement;
  /** Null where it is told at once. */
  readonly after: Field | null;
  readonly channels: Checks;
  readonly told: Set<string>;
}

/** The steps of a rule: the first, and those that a person asks for. */
export function createStepsForm(channels: readonly ChannelRow[], current: Steps | null): StepsForm {
  const names = new Map(channels.map(({ id, name }) => [id, name]));
  const only = channels.length === 1 ? channels.map(({ id }) => id) : [];
  const steps = [undefined, ...usualAfters].map((usual, n) =>
    createStep(n, usual, current?.[n] ?? { after: usual ?? "0s", channels: n === 0 && current === null ? only : [] }),
  );
  const add = h("button", { type: "button", onclick: () => change(count + 1) }, "Tell others later");
  const remove = h("button", { type: "button", onclick: () => change(count - 1) }, "Remove the last step");
  let count = current?.length ?? 1;

  function createStep(n: number, usual: string | undefined, { after, channels }: Steps[number]): Step {
    const told = new Set(channels);
    const boxes = createChecks({
      name: `rule-channels-${n}`,
      legend: n === 0 ? "Channels" : "and tell",
      chosen: told,
      options: [...new Set([...names.keys(), ...told])].map((id) => [id, names.get(id) ?? `${id} (removed)`]),
      hint: names.size === 0 ? "There is no channel yet: add one first." : "",
    });
    const isAtOnce = usual === undefined && Number.parseFloat(after) === 0;
    const field = isAtOnce
      ? null
      : createField({
          label: "If it goes on for",
          hint: "since the beginning; not told once it is acknowledged or over",
          input: { name: `rule-after-${n}`, value: after, autocomplete: "off" },
        });
    const label = n > 0 && { role: "group", "aria-label": `Step ${n + 1}` };
    return {
      element: h("div", { class: "fields", ...label }, field?.element ?? null, boxes.element),
      after: field,
      channels: boxes,
      told,
    };
  }

  function show(): void {
    for (const [n, { element }] of steps.entries()) element.hidden = n >= count;
    add.hidden = count === steps.length;
    remove.hidden = count === 1;
  }

  function change(to: number): void {
    const isMore = to > count;
    count = to;
    show();
    // What was pressed may be gone.
    if (isMore) steps[count - 1]?.after?.input.focus();
    else add.focus();
  }

  const wanted = () => steps.slice(0, count);
  show();
  return {
    element: h(
      "div",
      { class: "fields" },
      ...steps.map(({ element }) => element),
      h("div", { class: "side-by-side" }, add, remove),
    ),
    fields: Object.fromEntries(
      steps.flatMap(({ after, channels }, n) => [
        [`steps.${n}.after`, after ?? channels],
        [`steps.${n}.channels`, channels],
      ]),
    ),
    errors: () =>
      wanted().flatMap(({ told }, n) =>
        told.size === 0 ? [{ field: `steps.${n}.channels`, rule: "Choose a channel to tell people by." }] : [],
      ),
    values: () =>
      wanted().map(({ after, told }) => ({ after: after?.input.value.trim() || "0s", channels: [...told] })),
  };
}

/** The field of such a form that an API's field came from, such as `steps.1.channels` of `steps.1.channels.0`. */
export const stepPlaceOf = (field: string): string | null => /^steps\.\d\.(after|channels)/.exec(field)?.[0] ?? null;
