import type { MonitorRow } from "../http/api-types.ts";
import { announce } from "./announce.ts";
import { ApiProblem } from "./api.ts";
import { createComplaints } from "./complaints.ts";
import type { PageContext } from "./context.ts";
import { openDialog } from "./dialog.ts";
import { h } from "./dom.ts";
import { createField } from "./field.ts";
import { parseHostAndPort } from "./target.ts";

const targets = {
  http: { label: "URL", hint: "such as https://shop.example/health" },
  tcp: { label: "Host and port", hint: "such as db.example:5432" },
} as const;

/** Asks for a new HTTP or TCP monitor. What is wrong with it, the API says. */
export function openAddMonitor({ api, refresh, isSignedOutBy }: PageContext): void {
  let type: keyof typeof targets = "http";
  const name = createField({ label: "Name", input: { name: "name", autocomplete: "off" } });
  const target = createField({
    ...targets[type],
    input: { name: "target", autocomplete: "off", spellcheck: "false", autocapitalize: "none" },
  });
  const interval = createField({
    label: "Interval",
    hint: "from 1s to 24h, such as 30s or 5m",
    input: { name: "interval", value: "30s", autocomplete: "off" },
  });
  const fields = { name, target, interval };
  const complaints = createComplaints(fields, placeOf);
  const { show } = complaints;
  const submitButton = h("button", { type: "submit", class: "primary" }, "Add");

  function typeChoice(value: keyof typeof targets, label: string): HTMLElement {
    function choose(): void {
      type = value;
      target.rename(targets[value].label, targets[value].hint);
      target.complain(null);
    }
    return h(
      "label",
      {},
      h("input", { type: "radio", name: "type", checked: value === type, onchange: choose }),
      h("span", {}, label),
    );
  }

  function document(): object | null {
    const common = { name: name.input.value, type, interval: interval.input.value.trim() };
    if (type === "http") return { ...common, http: { url: target.input.value.trim() } };
    const tcp = parseHostAndPort(target.input.value);
    return tcp && { ...common, tcp };
  }

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    const body = document();
    if (body === null) return show([{ field: "tcp", rule: "must be a host and a port, such as db.example:5432" }]);
    submitButton.disabled = true;
    try {
      const added = await api.post<MonitorRow>("/v1/monitors", body);
      dialog.close();
      announce(`${added.name} is added.`);
      refresh();
    } catch (thrown) {
      if (isSignedOutBy(thrown)) return;
      const { message } = thrown as Error;
      const isWrong = thrown instanceof ApiProblem && thrown.errors.length > 0;
      show(isWrong ? thrown.errors : [{ field: "", rule: `It was not added: ${message}` }]);
    } finally {
      submitButton.disabled = false;
    }
  }

  const form = h(
    "form",
    { novalidate: true, onsubmit: (event) => void submit(event) },
    complaints.element,
    h("fieldset", { class: "choice" }, h("legend", {}, "Type"), typeChoice("http", "HTTP"), typeChoice("tcp", "TCP")),
    name.element,
    target.element,
    interval.element,
    h(
      "div",
      { class: "dialog-actions" },
      h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
      submitButton,
    ),
  );
  const dialog = openDialog("Add a monitor", form);
  name.input.focus();
}

/** The field of the form that an API's field came from. */
function placeOf(field: string): "name" | "target" | "interval" | null {
  if (field === "name") return "name";
  if (/^(http|tcp)\b/.test(field)) return "target";
  // The form leaves the timeout to its default, which the interval bounds.
  return field === "interval" || field === "timeout" ? "interval" : null;
}
