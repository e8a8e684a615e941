import type { FieldError, MonitorRow } from "../http/api-types.ts";
import { createComplaints } from "./complaints.ts";
import type { PageContext } from "./context.ts";
import { h } from "./dom.ts";
import { createField } from "./field.ts";
import { openFormDialog } from "./form-dialog.ts";
import { submitTo } from "./submitting.ts";

const days = { mon: "Mon", tue: "Tue", wed: "Wed", thu: "Thu", fri: "Fri", sat: "Sat", sun: "Sun" } as const;
type Day = keyof typeof days;
type Kind = "once" | "weekly";

/** Asks for a new maintenance window, once or weekly. What is wrong with it, the API says. */
export function openAddWindow(context: PageContext, monitors: ReadonlyArray<Pick<MonitorRow, "id" | "name">>): void {
  let kind: Kind = "once";
  const chosen = new Set<Day>();
  const field = (name: string, label: string, input: Readonly<Record<string, string>>, hint = "") =>
    createField({ label, hint, input: { autocomplete: "off", ...input, name } });
  const fields = {
    name: field("name", "Name", {}),
    monitor: field(
      "monitor",
      "Monitor",
      { list: "window-monitors" },
      "its name; with no monitor and no tag, all of them",
    ),
    tags: field("tags", "Tags", { autocapitalize: "none" }, "such as database, shop"),
    reason: field("reason", "Reason", {}),
    onceFrom: field("once-from", "From", { type: "datetime-local" }),
    onceTo: field("once-to", "To", { type: "datetime-local" }),
    weeklyFrom: field("weekly-from", "From", { type: "time", value: "22:00" }),
    weeklyTo: field("weekly-to", "To", { type: "time", value: "04:00" }, "on the next day when it is not later"),
    timeZone: field("time-zone", "Time zone", { value: Intl.DateTimeFormat().resolvedOptions().timeZone }),
  };
  const { name, monitor, tags, reason, onceFrom, onceTo, weeklyFrom, weeklyTo, timeZone } = fields;
  const complaints = createComplaints(fields, placeOf);

  const parts = {
    once: h("div", { class: "side-by-side" }, onceFrom.element, onceTo.element),
    weekly: h(
      "div",
      { class: "fields", hidden: true },
      h(
        "fieldset",
        { class: "choice days" },
        h("legend", {}, "Begins on"),
        ...(Object.keys(days) as Day[]).map(dayChoice),
      ),
      h("div", { class: "side-by-side" }, weeklyFrom.element, weeklyTo.element),
      timeZone.element,
    ),
  };

  function dayChoice(day: Day): HTMLElement {
    function toggle(event: Event): void {
      if ((event.target as HTMLInputElement).checked) chosen.add(day);
      else chosen.delete(day);
    }
    return h("label", {}, h("input", { type: "checkbox", name: day, onchange: toggle }), h("span", {}, days[day]));
  }

  function kindChoice(value: Kind, label: string): HTMLElement {
    function choose(): void {
      kind = value;
      for (const [each, part] of Object.entries(parts)) part.hidden = each !== value;
    }
    return h(
      "label",
      {},
      h("input", { type: "radio", name: "kind", checked: value === kind, onchange: choose }),
      h("span", {}, label),
    );
  }

  /** What the page can tell better than the API, which never sees it. */
  function localErrors(): FieldError[] {
    const errors: FieldError[] = [];
    const wanted = monitor.input.value.trim();
    if (wanted !== "" && idsOf(wanted).length === 0)
      errors.push({ field: "monitors", rule: "no monitor has this name" });
    if (kind === "weekly") return errors;
    for (const [end, { input }] of [
      ["from", onceFrom],
      ["to", onceTo],
    ] as const) {
      if (input.value === "") errors.push({ field: `when.once.${end}`, rule: "must be a date and a time" });
    }
    return errors;
  }

  const idsOf = (wanted: string) => monitors.filter((each) => each.name === wanted).map(({ id }) => id);

  function document(): object {
    const monitorName = monitor.input.value.trim();
    return {
      name: name.input.value,
      reason: reason.input.value,
      monitors: monitorName === "" ? [] : idsOf(monitorName),
      tags: tags.input.value
        .split(",")
        .map((tag) => tag.trim())
        .filter((tag) => tag !== ""),
      when:
        kind === "once"
          ? { once: { from: toIso(onceFrom.input.value), to: toIso(onceTo.input.value) } }
          : {
              weekly: {
                days: [...chosen],
                from: weeklyFrom.input.value,
                to: weeklyTo.input.value,
                timeZone: timeZone.input.value.trim(),
              },
            },
    };
  }

  async function submit(): Promise<boolean> {
    const errors = localErrors();
    if (errors.length === 0) return await submitTo(context, { path: "/v1/maintenance", body: document(), complaints });
    complaints.show(errors);
    return false;
  }

  openFormDialog({
    title: "Add a maintenance window",
    action: "Add",
    content: [
      complaints.element,
      name.element,
      monitor.element,
      h("datalist", { id: "window-monitors" }, ...monitors.map((each) => h("option", { value: each.name }))),
      tags.element,
      h(
        "fieldset",
        { class: "choice" },
        h("legend", {}, "When"),
        kindChoice("once", "Once"),
        kindChoice("weekly", "Every week"),
      ),
      parts.once,
      parts.weekly,
      reason.element,
    ],
    submit,
  });
}

/** What a field for local dates and times holds, as an instant. */
const toIso = (local: string) => new Date(local).toISOString();

/** The field of the form that an API's field came from. */
function placeOf(field: string) {
  const places = {
    name: "name",
    reason: "reason",
    "when.once.from": "onceFrom",
    "when.once.to": "onceTo",
    "when.weekly.from": "weeklyFrom",
    "when.weekly.to": "weeklyTo",
    "when.weekly.timeZone": "timeZone",
  } as const;
  if (field.startsWith("monitors")) return "monitor";
  if (field.startsWith("tags")) return "tags";
  return places[field as keyof typeof places] ?? null;
}
