import type { AlertRuleRow, ChannelRow, FieldError, MonitorRow } from "../http/api-types.ts";
import { eventWords } from "./alert-words.ts";
import { checks } from "./checks.ts";
import { createComplaints } from "./complaints.ts";
import type { PageContext } from "./context.ts";
import { h } from "./dom.ts";
import { createField } from "./field.ts";
import { openFormDialog } from "./form-dialog.ts";
import { createStepsForm } from "./rule-steps.ts";
import { submitTo } from "./submitting.ts";

/** Asks for a rule: what is told of which monitors, to whom, when, and not in which hours. */
export function openAddRule(
  context: PageContext,
  channels: readonly ChannelRow[],
  monitors: ReadonlyArray<Pick<MonitorRow, "id" | "name">>,
): void {
  const field = (name: string, label: string, hint: string, input: Readonly<Record<string, string>> = {}) =>
    createField({ label, hint, input: { autocomplete: "off", ...input, name: `rule-${name}` } });
  const steps = createStepsForm(channels);
  const fields = {
    name: field("name", "Name", ""),
    monitor: field("monitor", "Monitor", "its name; with no monitor and no tag, all of them", {
      list: "rule-monitors",
    }),
    tags: field("tags", "Tags", "such as production, shop", { autocapitalize: "none" }),
    delay: field("delay", "Delay", "trouble that is over sooner is not told, such as 30s", { value: "0s" }),
    repeat: field("repeat", "Repeat", "told again so often until acknowledged or over, such as 1h (optional)"),
    quietFrom: field("quiet-from", "Quiet from", "what is not critical waits for the end (optional)", { type: "time" }),
    quietTo: field("quiet-to", "Quiet to", "on the next day when it is not later", { type: "time" }),
    timeZone: field("time-zone", "Time zone", "of the quiet hours", {
      value: Intl.DateTimeFormat().resolvedOptions().timeZone,
    }),
    ...steps.fields,
  };
  const { name, monitor, tags, delay, repeat, quietFrom, quietTo, timeZone } = fields;
  const complaints = createComplaints(fields, placeOf);
  const events = new Set<string>(["down", "up"] satisfies Array<AlertRuleRow["events"][number]>);

  const monitorIds = () => {
    const wanted = monitor.input.value.trim();
    return wanted === "" ? [] : monitors.filter((each) => each.name === wanted).map(({ id }) => id);
  };

  /** What the page can tell better than the API. */
  function localErrors(): FieldError[] {
    const isUnknown = monitor.input.value.trim() !== "" && monitorIds().length === 0;
    return [
      ...(isUnknown ? [{ field: "monitors", rule: "no monitor has this name" }] : []),
      ...(steps.isIncomplete ? [{ field: "", rule: "Choose a channel to tell people by." }] : []),
      ...(events.size === 0 ? [{ field: "", rule: "Choose what to tell of." }] : []),
    ];
  }

  const document = () => ({
    name: name.input.value,
    events: [...events],
    monitors: monitorIds(),
    tags: tags.input.value
      .split(",")
      .map((tag) => tag.trim())
      .filter((tag) => tag !== ""),
    delay: delay.input.value.trim() || "0s",
    repeat: repeat.input.value.trim() || null,
    quietHours:
      quietFrom.input.value === "" && quietTo.input.value === ""
        ? null
        : { from: quietFrom.input.value, to: quietTo.input.value, timeZone: timeZone.input.value.trim() },
    steps: steps.values(),
  });

  async function submit(): Promise<boolean> {
    const errors = localErrors();
    if (errors.length === 0) return await submitTo(context, { path: "/v1/alert-rules", body: document(), complaints });
    complaints.show(errors);
    return false;
  }

  openFormDialog({
    title: "Add a rule",
    action: "Add",
    content: [
      complaints.element,
      name.element,
      steps.element,
      checks("Events", events, Object.entries(eventWords), ""),
      monitor.element,
      h("datalist", { id: "rule-monitors" }, ...monitors.map((each) => h("option", { value: each.name }))),
      tags.element,
      h("div", { class: "side-by-side" }, delay.element, repeat.element),
      h("div", { class: "side-by-side" }, quietFrom.element, quietTo.element),
      timeZone.element,
    ],
    submit,
  });
}

/** The field of the form that an API's field came from. */
function placeOf(field: string) {
  if (field.startsWith("monitors")) return "monitor";
  if (field.startsWith("tags")) return "tags";
  const step = /^steps\.([1-4])\.after/.exec(field)?.[1];
  if (step !== undefined) return `after${step as "1" | "2" | "3" | "4"}` as const;
  if (field === "quietHours.from") return "quietFrom";
  if (field === "quietHours.to") return "quietTo";
  if (field === "quietHours.timeZone") return "timeZone";
  return field === "name" || field === "delay" || field === "repeat" ? field : null;
}
