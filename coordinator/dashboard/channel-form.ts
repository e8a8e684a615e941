import type { ChannelRow, ChannelTypeRow } from "../http/api-types.ts";
import { channelTypeWord } from "./alert-words.ts";
import type { Complaints } from "./complaints.ts";
import { createComplaints } from "./complaints.ts";
import type { PageContext } from "./context.ts";
import { h } from "./dom.ts";
import { createField, labelled } from "./field.ts";
import { openFormDialog } from "./form-dialog.ts";
import type { SettingsForm } from "./settings-form.ts";
import { createSettingsForm } from "./settings-form.ts";
import { submitTo } from "./submitting.ts";

/**
 * Asks for a channel: its type, and what that type needs. What is wrong with it, the API says.
 * @param channel the one that is changed, which keeps its type; null for a new one.
 */
export function openChannelForm(
  context: PageContext,
  types: readonly ChannelTypeRow[],
  channel: ChannelRow | null,
): void {
  const [first] = types.filter(({ type }) => channel === null || type === channel.type);
  if (first === undefined) return;
  const name = createField({
    label: "Name",
    input: { name: "channel-name", autocomplete: "off", value: channel?.name ?? "" },
  });
  const select = h(
    "select",
    { onchange: choose, disabled: channel !== null },
    ...types.map(({ type }) => h("option", { value: type, selected: type === first.type }, channelTypeWord(type))),
  );
  const type = labelled(select, { label: "Type", hint: "", name: "channel-type" });
  const isOn = h("input", { type: "checkbox", checked: channel?.enabled ?? true });
  const settingFields = h("div", { class: "fields" });
  const place = h("div", { class: "complaints" });
  let settings: SettingsForm;
  let complaints: Complaints;

  function choose(): void {
    const chosen = types.find((each) => each.type === select.value) ?? (first as ChannelTypeRow);
    settings = createSettingsForm(chosen, channel?.settings ?? null);
    const { fields } = settings;
    complaints = createComplaints({ "": name, ...fields }, (field) => {
      if (field === "name") return "";
      const [, setting] = /^settings\.(\w+)/.exec(field) ?? [];
      return setting !== undefined && setting in fields ? setting : null;
    });
    place.replaceChildren(complaints.element);
    settingFields.replaceChildren(...Object.values(fields).map(({ element }) => element));
  }

  async function submit(): Promise<boolean> {
    const body = {
      name: name.input.value,
      type: select.value,
      enabled: isOn.checked,
      settings: settings.values(),
    };
    return await submitTo(context, {
      ...(channel ? { method: "put", path: `/v1/channels/${channel.id}` } : { path: "/v1/channels" }),
      body,
      complaints,
    });
  }

  choose();
  openFormDialog({
    title: channel ? `Edit ${channel.name}` : "Add a channel",
    action: channel ? "Save" : "Add",
    content: [
      place,
      name.element,
      type.element,
      settingFields,
      channel && h("fieldset", { class: "checks" }, h("label", {}, isOn, "Switched on")),
    ],
    submit,
  });
}
