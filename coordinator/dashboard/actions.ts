import type { MonitorRow } from "../http/api-types.ts";
import { announce } from "./announce.ts";
import { attempt } from "./attempt.ts";
import type { PageContext } from "./context.ts";
import { confirm } from "./dialog.ts";
import type { Kept } from "./dom.ts";
import { h, setAttribute } from "./dom.ts";
import { icon } from "./icons.ts";

/**
 * The buttons that pause or resume a monitor, and delete it. They stay the same
 * elements from refresh to refresh, so that the focus stays on them.
 */
export function createMonitorActions(context: PageContext, first: MonitorRow, onDeleted: () => void): Kept<MonitorRow> {
  const { api } = context;
  const path = `/v1/monitors/${first.id}`;
  let monitor = first;
  let busy = false;

  /** One thing at a time: a second click does nothing. */
  async function attemptAlone(failure: string, work: () => Promise<unknown>): Promise<boolean> {
    if (busy) return false;
    busy = true;
    const isDone = await attempt(context, failure, work);
    busy = false;
    return isDone;
  }

  async function toggle(): Promise<void> {
    const { name, enabled } = monitor;
    const verb = enabled ? "paused" : "resumed";
    const isDone = await attemptAlone(`${name} was not ${verb}`, () => api.patch(path, { enabled: !enabled }));
    if (isDone) announce(`${name} is ${verb}.`);
  }

  async function remove(): Promise<void> {
    const { name } = monitor;
    const isWanted = await confirm({
      title: `Delete ${name}?`,
      text: "It is checked no more, and its results can no longer be seen. This cannot be undone.",
      action: "Delete",
    });
    if (!isWanted || !(await attemptAlone(`${name} was not deleted`, () => api.remove(path)))) return;
    announce(`${name} is deleted.`);
    onDeleted();
  }

  const [pause, resume, bin] = [icon("pause"), icon("resume"), icon("remove")];
  const toggleButton = h("button", { type: "button", class: "icon-button", onclick: () => void toggle() });
  const removeButton = h("button", { type: "button", class: "icon-button", onclick: () => void remove() }, bin);

  function label(button: HTMLButtonElement, text: string): void {
    setAttribute(button, "aria-label", text);
    setAttribute(button, "title", text);
  }

  return {
    element: h("div", { class: "buttons" }, toggleButton, removeButton),
    update(newer) {
      monitor = newer;
      const shape = newer.enabled ? pause : resume;
      if (shape.parentElement !== toggleButton) toggleButton.replaceChildren(shape);
      label(toggleButton, `${newer.enabled ? "Pause" : "Resume"} ${newer.name}`);
      label(removeButton, `Delete ${newer.name}`);
    },
  };
}
