import type { ChannelRow } from "../http/api-types.ts";
import { channelTypeWord } from "./alert-words.ts";
import type { PageContext } from "./context.ts";
import { deleteButton } from "./delete-button.ts";
import type { Kept } from "./dom.ts";
import { h } from "./dom.ts";
import type { ListSection } from "./list-section.ts";
import { createListSection, listRow } from "./list-section.ts";
import { createTester } from "./test-channel.ts";

/** A channel as it was last changed: one that is changed has a row of its own, and was not tested. */
interface Item {
  readonly id: string;
  readonly channel: ChannelRow;
}

/**
 * The ways to tell people, each with a button that tries it.
 * @param edit asks for changes to a channel, or for a new one.
 */
export function createChannelList(
  context: PageContext,
  edit: (channel: ChannelRow | null) => void,
): ListSection<ChannelRow> {
  const section = createListSection<Item>({
    title: "Channels",
    columns: ["Name", "Type", "Last test"],
    action: h("button", { type: "button", onclick: () => edit(null) }, "Add channel"),
    empty: "There are no channels: add one, then a rule that uses it.",
    create: ({ channel }) => createRow(context, channel, edit),
  });
  return {
    element: section.element,
    show: (channels) =>
      section.show(channels.map((channel) => ({ id: `${channel.id} ${channel.updatedAt}`, channel }))),
  };
}

function createRow(context: PageContext, channel: ChannelRow, edit: (channel: ChannelRow) => void): Kept<Item> {
  const name = h("span", {}, channel.name, channel.enabled ? null : h("span", { class: "sub" }, "switched off"));
  const tester = createTester(context, channel);
  const label = `Edit ${channel.name}`;
  const change = h("button", { type: "button", "aria-label": label, onclick: () => edit(channel) }, "Edit");
  const { element: remove } = deleteButton(context, {
    path: `/v1/channels/${channel.id}`,
    name: channel.name,
    loss: "Rules that lead to it tell nobody by it any more. This cannot be undone.",
  });
  return {
    element: listRow(
      name,
      [h("span", {}, channelTypeWord(channel.type)), tester.outcome],
      [tester.button, change, remove],
    ),
    update: () => undefined,
  };
}
