import type { AlertRuleRow, ChannelRow, ChannelTypeRow, MonitorRow } from "../http/api-types.ts";
import { openChannelForm } from "./channel-form.ts";
import { createChannelList } from "./channel-list.ts";
import type { PageContext, View } from "./context.ts";
import { createDeliveryList, loadDeliveries } from "./delivery-list.ts";
import { h } from "./dom.ts";
import { createFirstLoad } from "./first-load.ts";
import { openRuleForm } from "./rule-form.ts";
import { createRuleList } from "./rule-list.ts";

/** Who is told, of what, and what became of it. */
export function createAlerts(context: PageContext): View {
  const { api } = context;
  const firstLoad = createFirstLoad();
  let types: readonly ChannelTypeRow[] = [];
  let channels: readonly ChannelRow[] = [];
  let monitors: readonly MonitorRow[] = [];

  const channelList = createChannelList(context, (channel) =>
    firstLoad.after(() => openChannelForm(context, types, channel)),
  );
  const ruleList = createRuleList(context, (rule) =>
    firstLoad.after(() => openRuleForm(context, { channels, monitors, rule })),
  );
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
    load: firstLoad.of(async (signal) => {
      const [allChannels, rules, allMonitors, deliveries, allTypes] = await Promise.all([
        api.list<ChannelRow>("/v1/channels", signal),
        api.list<AlertRuleRow>("/v1/alert-rules", signal),
        api.list<MonitorRow>("/v1/monitors", signal),
        loadDeliveries(api, signal),
        types.length > 0 ? types : api.list<ChannelTypeRow>("/v1/channel-types", signal),
      ]);
      [types, channels, monitors] = [allTypes, allChannels, allMonitors];
      context.title("Alerts");
      const names = new Map(channels.map(({ id, name }) => [id, name]));
      channelList.show(channels);
      ruleList.show(rules, names, new Map(monitors.map(({ id, name }) => [id, name])));
      deliveryList.show(deliveries, names);
    }),
  };
}
