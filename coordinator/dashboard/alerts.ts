import type { AlertRuleRow, ChannelRow, ChannelTypeRow, MonitorRow } from "../http/api-types.ts";
import { openAddRule } from "./add-rule.ts";
import { openChannelForm } from "./channel-form.ts";
import { createChannelList } from "./channel-list.ts";
import type { PageContext, View } from "./context.ts";
import { createDeliveryList, loadDeliveries } from "./delivery-list.ts";
import { h } from "./dom.ts";
import { createRuleList } from "./rule-list.ts";

/** Who is told, of what, and what became of it. */
export function createAlerts(context: PageContext): View {
  const { api } = context;
  let types: readonly ChannelTypeRow[] | undefined;
  let channels: readonly ChannelRow[] = [];
  let monitors: readonly MonitorRow[] = [];

  const channelList = createChannelList(context, (channel) => openChannelForm(context, types ?? [], channel));
  const ruleList = createRuleList(context, () => openAddRule(context, channels, monitors));
  const deliveryList = createDeliveryList(context);

  return {
    element: h(
      "div",
      { class: "alerts" },
      h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, "Alerts")),
      h("p", { class: "hint" }, "A rule says who is told of what; a channel is the way they are told."),
      channelList.element,
      ruleList.element,
      deliveryList.element,
    ),
    async load(signal) {
      const [allChannels, rules, allMonitors, deliveries, allTypes] = await Promise.all([
        api.list<ChannelRow>("/v1/channels", signal),
        api.list<AlertRuleRow>("/v1/alert-rules", signal),
        api.list<MonitorRow>("/v1/monitors", signal),
        loadDeliveries(api, signal),
        types ?? api.list<ChannelTypeRow>("/v1/channel-types", signal),
      ]);
      [types, channels, monitors] = [allTypes, allChannels, allMonitors];
      context.title("Alerts");
      const names = new Map(channels.map(({ id, name }) => [id, name]));
      channelList.show(channels);
      ruleList.show(rules, names, new Map(monitors.map(({ id, name }) => [id, name])));
      deliveryList.show(deliveries, names);
    },
  };
}
