import type { MonitorRow } from "../http/api-types.ts";
import { announce } from "./announce.ts";
import { ApiProblem } from "./api.ts";
import { createComplaints } from "./complaints.ts";
import type { PageContext } from "./context.ts";
import { openDialog } from "./dialog.ts";
import { h } from "./dom.ts";
import { createField } from "./field.ts";
import { parseHostAndPort } from "./target.ts";
import { targetOf } from "./words.ts";

const targets = {
  http: { label: "URL", hint: "such as https://shop.example/health" },
  tcp: { label: "Host and port", hint: "such as db.example:5432" },
} as const;

/**
 * Asks for an HTTP or TCP monitor: a new one, or what is to be changed of one that there is; the rest of
 * its document stays. What is wrong with it, the API says.
 */
export function openMonitorForm({ api, refresh, isSignedOutBy }: PageContext, current: MonitorRow | null): void {
  let type: keyof typeof targets = current?.type ?? "http";
  const name = createField({ label: "Name", input: { name: "name", value: current?.name ?? "", autocomplete: "off" } });
  const target = createField({
    ...targets[type],
    input: {
      name: "target",
      value: current === null ? "" : targetOf(current),
      autocomplete: "off",
      spellcheck: "false",
      autocapitalize: "none",
    },
  });
  const interval = createField({
    label: "Interval",
    hint: "from 1s to 24h, such as 30s or 5m",
    input: { name: "interval", value: String(current?.interval ?? "30s"), autocomplete: "off" },
  });
  const tags = createField({
    label: "Tags",
    hint: "such as production, web: what rules and maintenance windows choose monitors by",
    input: { name: "tags", value: current?.tags?.join(", ") ?? "", autocomplete: "off", autocapitalize: "none" },
  });
  const fields = { name, target, interval, tags };
  const complaints = createComplaints(fields, placeOf);
  const { show } = complaints;
  const submitButton = h("button", { type: "submit", class: "primary" }, current === null ? "Add" : "Save");

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
    const common = {
      name: name.input.value,
      type,
      interval: interval.input.value.trim(),
      tags: tags.input.value.split(/[\s,]+/).filter((tag) => tag !== ""),
    };
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
      const saved = await (current === null
        ? api.post<MonitorRow>("/v1/monitors", body)
        : api.patch<MonitorRow>(`/v1/monitors/${current.id}`, body));
      dialog.close();
      announce(`${saved.name} is ${current === null ? "added" : "changed"}.`);
      refresh();
    } catch (thrown) {
      if (isSignedOutBy(thrown)) return;
      const { message } = thrown as Error;
      const isWrong = thrown instanceof ApiProblem && thrown.errors.length > 0;
      show(
        isWrong
          ? thrown.errors
          : [{ field: "", rule: `It was not ${current === null ? "added" : "changed"}: ${message}` }],
      );
    } finally {
      submitButton.disabled = false;
    }
  }

  const form = h(
    "form",
    { novalidate: true, onsubmit: (event) => void submit(event) },
    complaints.element,
    current === null &&
      h("fieldset", { class: "choice" }, h("legend", {}, "Type"), typeChoice("http", "HTTP"), typeChoice("tcp", "TCP")),
    name.element,
    target.element,
    interval.element,
    tags.element,
    h(
      "div",
      { class: "dialog-actions" },
      h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
      submitButton,
    ),
  );
  const dialog = openDialog(current === null ? "Add a monitor" : `Change ${current.name}`, form);
  name.input.focus();
}

/** The field of the form that an API's field came from. */
function placeOf(field: string): "name" | "target" | "interval" | "tags" | null {
  if (field === "name") return "name";
  if (/^tags\b/.test(field)) return "tags";
  if (/^(http|tcp)\b/.test(field)) return "target";
  // The form leaves the timeout to its default, which the interval bounds.
  return field === "interval" || field === "timeout" ? "interval" : null;
}
