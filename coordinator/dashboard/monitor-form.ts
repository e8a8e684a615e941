import type { MonitorRow } from "../http/api-types.ts";
import { createComplaints } from "./complaints.ts";
import type { PageContext } from "./context.ts";
import { h } from "./dom.ts";
import { createField } from "./field.ts";
import { openFormDialog } from "./form-dialog.ts";
import { submitTo } from "./submitting.ts";
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
export function openMonitorForm(context: PageContext, current: MonitorRow | null): void {
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

  async function submit(): Promise<boolean> {
    const body = document();
    if (body === null) {
      complaints.show([{ field: "tcp", rule: "must be a host and a port, such as db.example:5432" }]);
      return false;
    }
    return await submitTo(context, {
      ...(current ? { method: "patch", path: `/v1/monitors/${current.id}` } : { path: "/v1/monitors" }),
      body,
      complaints,
    });
  }

  openFormDialog({
    title: current === null ? "Add a monitor" : `Change ${current.name}`,
    action: current === null ? "Add" : "Save",
    content: [
      complaints.element,
      current === null &&
        h(
          "fieldset",
          { class: "choice" },
          h("legend", {}, "Type"),
          typeChoice("http", "HTTP"),
          typeChoice("tcp", "TCP"),
        ),
      name.element,
      target.element,
      interval.element,
      tags.element,
    ],
    submit,
  });
}

/** The field of the form that an API's field came from. */
function placeOf(field: string): "name" | "target" | "interval" | "tags" | null {
  if (field === "name") return "name";
  if (/^tags\b/.test(field)) return "tags";
  if (/^(http|tcp)\b/.test(field)) return "target";
  // The form leaves the timeout to its default, which the interval bounds.
  return field === "interval" || field === "timeout" ? "interval" : null;
}
