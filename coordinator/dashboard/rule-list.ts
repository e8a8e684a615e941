import type { AlertRuleRow } from "../http/api-types.ts";
import { ruleFor, whomItTells } from "../notify/words.ts";
import { eventWords } from "./alert-words.ts";
import type { PageContext } from "./context.ts";
import { deleteButton } from "./delete-button.ts";
import type { Kept } from "./dom.ts";
import { h, renderIfChanged, setAttribute } from "./dom.ts";
import { createListSection, listRow } from "./list-section.ts";

type Names = ReadonlyMap<string, string>;

interface Item {
  readonly id: string;
  readonly rule: AlertRuleRow;
  readonly channels: Names;
  readonly monitors: Names;
}

/**
 * Who is told of what.
 * @param edit asks for changes to a rule, or for a new one.
 */
export function createRuleList(context: PageContext, edit: (rule: AlertRuleRow | null) => void) {
  const section = createListSection<Item>({
    title: "Rules",
    columns: ["Name", "Tells", "Of", "For"],
    action: h("button", { type: "button", onclick: () => edit(null) }, "Add rule"),
    empty: "There are no rules, so nobody is told of anything.",
    create: ({ rule }) => createRow(context, rule, edit),
  });
  return {
    element: section.element,
    /** @param channels their names by their ids; so for the monitors. */
    show(rules: readonly AlertRuleRow[], channels: Names, monitors: Names): void {
      section.show(rules.map((rule) => ({ id: rule.id, rule, channels, monitors })));
    },
  };
}

function createRow(context: PageContext, first: AlertRuleRow, edit: (rule: AlertRuleRow) => void): Kept<Item> {
  let shown = first;
  const title = h("span");
  const [whom, events, targets] = [h("span"), h("span"), h("span")];
  const change = h("button", { type: "button", onclick: () => edit(shown) }, "Edit");
  const deletable = ({ id, name }: AlertRuleRow) => ({
    path: `/v1/alert-rules/${id}`,
    name,
    loss: "Nobody is told by it any more. This cannot be undone.",
  });
  const remove = deleteButton(context, deletable(first));
  return {
    element: listRow(title, [whom, events, targets], [change, remove.element]),
    update({ rule, channels, monitors }) {
      shown = rule;
      setAttribute(change, "aria-label", `Edit ${rule.name}`);
      remove.update(deletable(rule));
      const of = rule.events.map((event) => eventWords[event]).join(", ");
      const remarks = remarksOn(rule);
      const tells = whomItTells(rule, channels);
      const target = targetOf(rule, monitors);
      renderIfChanged(title, [rule.name, remarks], () => [
        rule.name,
        remarks === "" ? null : h("span", { class: "sub" }, remarks),
      ]);
      renderIfChanged(whom, tells, () => [tells]);
      renderIfChanged(events, of, () => [of]);
      renderIfChanged(targets, target, () => [target]);
    },
  };
}

function targetOf(rule: AlertRuleRow, monitors: Names): string {
  const [only] = rule.monitors;
  const isOne = rule.monitors.length === 1 && rule.tags.length + rule.types.length === 0;
  return (isOne && monitors.get(only as string)) || ruleFor(rule);
}

function remarksOn({ enabled, delay, repeat, quietHours }: AlertRuleRow): string {
  const parts = [
    !enabled && "switched off",
    Number.parseFloat(delay) > 0 && `after ${delay}`,
    repeat !== null && `again every ${repeat}`,
    quietHours !== null && `quiet ${quietHours.from} to ${quietHours.to}`,
  ];
  return parts.filter((part) => part !== false).join(", ");
}
