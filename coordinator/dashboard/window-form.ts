import type { FieldError, MaintenanceRow, MonitorRow } from "../http/api-types.ts";
import { createChecks } from "./checks.ts";
import { createComplaints } from "./complaints.ts";
import type { PageContext } from "./context.ts";
import { h } from "./dom.ts";
import type { Place } from "./field.ts";
import { createField } from "./field.ts";
import { openFormDialog } from "./form-dialog.ts";
import { submitTo } from "./submitting.ts";
import { createWhomForm, whomPlaceOf } from "./whom-form.ts";
import { weekdayWords } from "./words.ts";

const kinds = { once: "Once", weekly: "Every week", cron: "Cron" } as const;
type Kind = keyof typeof kinds;

/**
 * Asks for a maintenance window: once, weekly, or whenever a cron expression says. What is wrong with it, the API says.
 * @param window the one that is changed; null for a new one.
 */
export function openWindowForm(
  context: PageContext,
  {
    monitors,
    window,
  }: {
    readonly monitors: ReadonlyArray<Pick<MonitorRow, "id" | "name">>;
    readonly window: MaintenanceRow | null;
  },
): void {
  const { once, weekly, cron } = window?.when ?? {};
  const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  let kind: Kind = cron ? "cron" : weekly ? "weekly" : "once";
  const field = (name: string, label: string, input: Readonly<Record<string, string>>, hint = "") =>
    createField({ label, hint, input: { autocomplete: "off", ...input, name: `window-${name}` } });
  const name = field("name", "Name", { value: window?.name ?? "" });
  const isOn = h("input", { type: "checkbox", checked: window?.enabled ?? true });
  const whom = createWhomForm("window", monitors, window);
  const reason = field("reason", "Reason", { value: window?.reason ?? "" });
  const onceFrom = instantField("once-from", "From", once?.from);
  const onceTo = instantField("once-to", "To", once?.to);
  const days = new Set<string>(weekly?.days);
  const dayChecks = createChecks({
    name: "window-days",
    legend: "Begins on",
    chosen: days,
    options: Object.entries(weekdayWords),
    look: "choice weekdays",
  });
  const weeklyFrom = field("weekly-from", "From", { type: "time", value: weekly?.from ?? "22:00" });
  const weeklyTo = field(
    "weekly-to",
    "To",
    { type: "time", value: weekly?.to ?? "04:00" },
    "on the next day when it is not later",
  );
  const plain = { spellcheck: "false", autocapitalize: "none" };
  const expression = field(
    "cron-expression",
    "Cron expression",
    { value: cron?.expression ?? "", ...plain },
    "minute, hour, day of the month, month, day of the week: 0 3 1 * * is at 03:00 on the first of each month",
  );
  const duration = field(
    "cron-duration",
    "Duration",
    { value: String(cron?.duration ?? "1h") },
    "each time, such as 90m or 2h",
  );
  const timeZone = field("time-zone", "Time zone", { value: (cron ?? weekly)?.timeZone ?? ownZone, ...plain });

  /** Whatever is not changed stays to the millisecond. */
  function instantField(name: string, label: string, current: string | undefined) {
    const shown = current === undefined ? "" : toLocal(current);
    const { element, input, complain } = field(
      name,
      label,
      { type: "datetime-local", value: shown },
      `on the clock of ${ownZone}`,
    );
    return { element, input, complain, value: () => (input.value === shown ? current : toIso(input.value)) };
  }

  const parts: Readonly<Record<string, { readonly element: HTMLElement; readonly kinds: readonly Kind[] }>> = {
    once: { kinds: ["once"], element: h("div", { class: "side-by-side instants" }, onceFrom.element, onceTo.element) },
    weekly: {
      kinds: ["weekly"],
      element: h(
        "div",
        { class: "fields" },
        dayChecks.element,
        h("div", { class: "side-by-side" }, weeklyFrom.element, weeklyTo.element),
      ),
    },
    cron: { kinds: ["cron"], element: h("div", { class: "fields" }, expression.element, duration.element) },
    zone: { kinds: ["weekly", "cron"], element: timeZone.element },
  };

  function choose(value: Kind): void {
    kind = value;
    for (const part of Object.values(parts)) part.element.hidden = !part.kinds.includes(value);
  }

  const kindChoice = ([value, label]: readonly [string, string]): HTMLElement =>
    h(
      "label",
      {},
      h("input", {
        type: "radio",
        name: "kind",
        checked: value === kind,
        onchange: () => choose(value as Kind),
      }),
      h("span", {}, label),
    );

  const fields: Readonly<Record<string, Place>> = {
    name,
    ...whom.fields,
    "when.once.from": onceFrom,
    "when.once.to": onceTo,
    "when.weekly.days": dayChecks,
    "when.weekly.from": weeklyFrom,
    "when.weekly.to": weeklyTo,
    "when.weekly.timeZone": timeZone,
    "when.cron.expression": expression,
    "when.cron.duration": duration,
    "when.cron.timeZone": timeZone,
    reason,
  };
  const complaints = createComplaints(fields, (field) => {
    const place = whomPlaceOf(field) ?? field;
    return place in fields ? place : null;
  });

  /** What the page can tell better than the API, which never sees it. */
  function localErrors(): FieldError[] {
    if (kind !== "once") return whom.errors();
    const rule = "must be a date and a time";
    return [
      ...whom.errors(),
      ...(onceFrom.input.value === "" ? [{ field: "when.once.from", rule }] : []),
      ...(onceTo.input.value === "" ? [{ field: "when.once.to", rule }] : []),
    ];
  }

  function when(): object {
    if (kind === "once") return { once: { from: onceFrom.value(), to: onceTo.value() } };
    const zone = timeZone.input.value.trim();
    if (kind === "weekly") {
      const [from, to] = [weeklyFrom.input.value, weeklyTo.input.value];
      return { weekly: { days: [...days], from, to, timeZone: zone } };
    }
    const [text, lasts] = [expression.input.value.trim(), duration.input.value.trim()];
    return { cron: { expression: text, duration: lasts, timeZone: zone } };
  }

  async function submit(): Promise<boolean> {
    const errors = localErrors();
    if (errors.length > 0) {
      complaints.show(errors);
      return false;
    }
    const body = { name: name.input.value, enabled: isOn.checked, reason: reason.input.value, ...whom.values() };
    // A change is merged into what there is: what it was before has to be taken out.
    const none = { once: null, weekly: null, cron: null };
    return await submitTo(context, {
      ...(window
        ? { method: "patch", path: `/v1/maintenance/${window.id}`, body: { ...body, when: { ...none, ...when() } } }
        : { path: "/v1/maintenance", body: { ...body, when: when() } }),
      complaints,
    });
  }

  choose(kind);
  openFormDialog({
    title: window ? `Edit ${window.name}` : "Add a maintenance window",
    action: window ? "Save" : "Add",
    content: [
      complaints.element,
      name.element,
      window && h("fieldset", { class: "checks" }, h("label", {}, isOn, "Switched on")),
      ...whom.elements,
      h("fieldset", { class: "choice" }, h("legend", {}, "When"), ...Object.entries(kinds).map(kindChoice)),
      ...Object.values(parts).map(({ element }) => element),
      reason.element,
    ],
    submit,
  });
}

const MINUTE_MS = 60_000;

/** What a field for local dates and times holds, as an instant. */
const toIso = (local: string): string => new Date(local).toISOString();

/** An instant as such a field shows it. */
function toLocal(iso: string): string {
  const date = new Date(iso);
  return new Date(date.getTime() - date.getTimezoneOffset() * MINUTE_MS)
    .toISOString()
    .slice(0, "2026-01-31T22:00".length);
}
