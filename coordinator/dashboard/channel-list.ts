import type { ChannelRow } from "../http/api-types.ts";
import type { PageContext } from "./context.ts";
import { deleteButton } from "./delete-button.ts";
import type { Kept } from "./dom.ts";
import { h, renderIfChanged } from "./dom.ts";
import type { ListSection } from "./list-section.ts";
import { createListSection, listRow } from "./list-section.ts";
import { createTester } from "./test-channel.ts";

/** The ways to tell people, each with a button that tries it. */
export function createChannelList(context: PageContext, add: () => void): ListSection<ChannelRow> {
  return createListSection<ChannelRow>({
    title: "Channels",
    columns: ["Name", "Type", "Last test"],
    action: h("button", { type: "button", onclick: add }, "Add channel"),
    empty: "There are no channels: add one, then a rule that uses it.",
    create: (channel) => createRow(context, channel),
  });
}

function createRow(context: PageContext, channel: ChannelRow): Kept<ChannelRow> {
  const name = h("span");
  const type = h("span");
  const tester = createTester(context, channel);
  const remove = deleteButton(context, {
    path: `/v1/channels/${channel.id}`,
    name: channel.name,
    loss: "Rules that lead to it tell nobody by it any more. This cannot be undone.",
  });
  return {
    element: listRow(name, [type, tester.outcome], [tester.button, remove]),
    update(newer) {
      renderIfChanged(name, [newer.name, newer.enabled], () => [
        newer.name,
        newer.enabled ? null : h("span", { class: "sub" }, "switched off"),
      ]);
      renderIfChanged(type, newer.type, () => [newer.type]);
    },
  };
}
