import type { ChannelTypeRow } from "../http/api-types.ts";
import type { Complaints } from "./complaints.ts";
import { createComplaints } from "./complaints.ts";
import type { PageContext } from "./context.ts";
import { openDialog } from "./dialog.ts";
import { h } from "./dom.ts";
import { createField, labelled } from "./field.ts";
import type { SettingsForm } from "./settings-form.ts";
import { createSettingsForm } from "./settings-form.ts";
import { submitTo } from "./submitting.ts";

/** Asks for a new channel: its type, and what that type needs. What is wrong with it, the API says. */
export function openAddChannel(context: PageContext, types: readonly ChannelTypeRow[]): void {
  const [first] = types;
  if (first === undefined) return;
  const name = createField({ label: "Name", input: { name: "channel-name", autocomplete: "off" } });
  const select = h("select", { onchange: choose }, ...types.map(({ type }) => h("option", { value: type }, type)));
  const type = labelled(select, { label: "Type", hint: "", name: "channel-type" });
  const settingFields = h("div", { class: "fields" });
  const place = h("div", { class: "complaints" });
  const submitButton = h("button", { type: "submit", class: "primary" }, "Add");
  let settings: SettingsForm;
  let complaints: Complaints;

  function choose(): void {
    settings = createSettingsForm(types.find((each) => each.type === select.value) ?? (first as ChannelTypeRow));
    const { fields } = settings;
    complaints = createComplaints({ "": name, ...fields }, (field) => {
      if (field === "name") return "";
      const [, setting] = /^settings\.(\w+)/.exec(field) ?? [];
      return setting !== undefined && setting in fields ? setting : null;
    });
    place.replaceChildren(complaints.element);
    settingFields.replaceChildren(...Object.values(fields).map(({ element }) => element));
  }

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    submitButton.disabled = true;
    const body = { name: name.input.value, type: select.value, settings: settings.values() };
    const isAdded = await submitTo(context, { path: "/v1/channels", body, complaints });
    submitButton.disabled = false;
    if (isAdded) dialog.close();
  }

  choose();
  const form = h(
    "form",
    { novalidate: true, autocomplete: "off", onsubmit: (event) => void submit(event) },
    place,
    name.element,
    type.element,
    settingFields,
    h(
      "div",
      { class: "dialog-actions" },
      h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
      submitButton,
    ),
  );
  const dialog = openDialog("Add a channel", form);
  name.input.focus();
}
