import type { AlertRuleRow, ChannelRow } from "../http/api-types.ts";
import { reachesSomeone } from "../notify/reach.ts";
import type { Api } from "./api.ts";
import { h } from "./dom.ts";

/** Says, while it is so, that nobody would be told of anything. */
export function createAlertsAdvice(api: Api) {
  const element = h(
    "p",
    { class: "warning advice", hidden: true },
    "Nobody is told when something is down: no alert rule is in force. ",
    h("a", { href: "#/alerts" }, "Set up alerts"),
  );
  return {
    element,
    async load(signal: AbortSignal): Promise<void> {
      const [rules, channels] = await Promise.all([
        api.list<AlertRuleRow>("/v1/alert-rules", signal),
        api.list<ChannelRow>("/v1/channels", signal),
      ]);
      element.hidden = reachesSomeone(rules, channels);
    },
  };
}
