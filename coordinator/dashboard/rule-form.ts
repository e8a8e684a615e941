import type { AlertRuleRow, ChannelRow, MonitorRow } from "../http/api-types.ts";
import { eventWords, severityWords } from "./alert-words.ts";
import { createChecks } from "./checks.ts";
import { createComplaints } from "./complaints.ts";
import type { PageContext } from "./context.ts";
import { h } from "./dom.ts";
import type { Place } from "./field.ts";
import { createField } from "./field.ts";
import { openFormDialog } from "./form-dialog.ts";
import { createStepsForm, stepPlaceOf } from "./rule-steps.ts";
import { submitTo } from "./submitting.ts";
import { createWhomForm, whomPlaceOf } from "./whom-form.ts";
import { weekdayWords } from "./words.ts";

/**
 * Asks for a rule: what is told of which monitors, to whom, when, and not in which hours.
 * @param rule the one that is changed; null for a new one.
 */
export function openRuleForm(
  context: PageContext,
  {
    channels,
    monitors,
    rule,
  }: {
    readonly channels: readonly ChannelRow[];
    readonly monitors: ReadonlyArray<Pick<MonitorRow, "id" | "name">>;
    readonly rule: AlertRuleRow | null;
  },
): void {
  const quiet = rule?.quietHours ?? null;
  const field = (name: string, label: string, hint: string, input: Readonly<Record<string, string>> = {}) =>
    createField({ label, hint, input: { autocomplete: "off", ...input, name: `rule-${name}` } });
  const name = field("name", "Name", "", { value: rule?.name ?? "" });
  const isOn = h("input", { type: "checkbox", checked: rule?.enabled ?? true });
  const steps = createStepsForm(channels, rule?.steps ?? null);
  const events = new Set<string>(rule?.events ?? (["down", "up"] satisfies AlertRuleRow["events"]));
  const eventChecks = createChecks({
    name: "rule-events",
    legend: "Events",
    chosen: events,
    options: Object.entries(eventWords),
  });
  const whom = createWhomForm("rule", monitors, rule);
  const delay = field("delay", "Delay", "trouble that is over sooner is not told, such as 30s", {
    value: textOf(rule?.delay ?? "0s"),
  });
  const repeat = field("repeat", "Repeat", "told again so often until acknowledged or over, such as 1h (optional)", {
    value: rule?.repeat ?? "",
  });
  const group = field("group", "Group", "waits so long for more of the same, so that many make one message", {
    value: textOf(rule?.group ?? "2s"),
  });
  const quietFrom = field("quiet-from", "Quiet from", "what is not urgent waits for the end (optional)", {
    type: "time",
    value: quiet?.from ?? "",
  });
  const quietTo = field("quiet-to", "Quiet to", "on the next day when it is not later", {
    type: "time",
    value: quiet?.to ?? "",
  });
  const timeZone = field("time-zone", "Time zone", "of the quiet hours", {
    value: quiet?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
  });
  const days = new Set<string>(quiet?.days ?? Object.keys(weekdayWords));
  const dayChecks = createChecks({
    name: "rule-quiet-days",
    legend: "Quiet hours begin on",
    chosen: days,
    options: Object.entries(weekdayWords),
    look: "choice weekdays",
  });
  const urgent = new Set<string>(rule?.urgent ?? (["critical"] satisfies AlertRuleRow["urgent"]));
  const urgentChecks = createChecks({
    name: "rule-urgent",
    legend: "Urgent",
    chosen: urgent,
    options: Object.entries(severityWords),
    hint: "told in quiet hours too",
  });

  const fields: Readonly<Record<string, Place>> = {
    name,
    ...steps.fields,
    events: eventChecks,
    ...whom.fields,
    delay,
    repeat,
    group,
    "quietHours.from": quietFrom,
    "quietHours.to": quietTo,
    "quietHours.timeZone": timeZone,
    "quietHours.days": dayChecks,
    urgent: urgentChecks,
  };
  const complaints = createComplaints(fields, (field) => {
    const place = whomPlaceOf(field) ?? stepPlaceOf(field) ?? field.replace(/\.\d+$/, "");
    return place in fields ? place : null;
  });

  async function submit(): Promise<boolean> {
    const errors = [
      ...steps.errors(),
      ...(events.size === 0 ? [{ field: "events", rule: "Choose what to tell of." }] : []),
      ...whom.errors(),
    ];
    if (errors.length > 0) {
      complaints.show(errors);
      return false;
    }
    const isQuiet = quietFrom.input.value !== "" || quietTo.input.value !== "";
    const body = {
      name: name.input.value,
      enabled: isOn.checked,
      events: [...events],
      ...whom.values(),
      delay: delay.input.value.trim() || "0s",
      group: group.input.value.trim() || "0s",
      repeat: repeat.input.value.trim() || null,
      quietHours: isQuiet
        ? {
            from: quietFrom.input.value,
            to: quietTo.input.value,
            days: [...days],
            timeZone: timeZone.input.value.trim(),
          }
        : null,
      urgent: [...urgent],
      steps: steps.values(),
    };
    return await submitTo(context, {
      ...(rule ? { method: "put", path: `/v1/alert-rules/${rule.id}` } : { path: "/v1/alert-rules" }),
      body,
      complaints,
    });
  }

  openFormDialog({
    title: rule ? `Edit ${rule.name}` : "Add a rule",
    action: rule ? "Save" : "Add",
    content: [
      complaints.element,
      name.element,
      rule && h("fieldset", { class: "checks" }, h("label", {}, isOn, "Switched on")),
      steps.element,
      eventChecks.element,
      ...whom.elements,
      h("div", { class: "side-by-side" }, delay.element, repeat.element),
      group.element,
      h("div", { class: "side-by-side" }, quietFrom.element, quietTo.element),
      dayChecks.element,
      timeZone.element,
      urgentChecks.element,
    ],
    submit,
  });
}

/** A duration as people write it: none is `0s`. */
const textOf = (duration: string): string => (Number.parseFloat(duration) === 0 ? "0s" : duration);
