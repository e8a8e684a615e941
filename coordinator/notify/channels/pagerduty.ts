import { z } from "zod";
import type { Notice } from "../notice.ts";
import type { Channel } from "./channel.ts";
import { baseUrl, under } from "./settings.ts";
import { clean, detailsOf, linkOf, plainId, shorten, titleOf } from "./text.ts";

const settings = z.strictObject({
  routingKey: z
    .string()
    .regex(/^[A-Za-z0-9]{32}$/, "must be the 32 letters and digits of an Events API v2 integration")
    .describe("the key of a service's Events API v2 integration"),
  apiUrl: baseUrl
    .default("https://events.pagerduty.com")
    .describe("where the Events API is; `https://events.eu.pagerduty.com` in the EU"),
});

/** developer.pagerduty.com, "Send an Alert Event". */
const MAX_SUMMARY = 1_024;
const MAX_KEY = 255;

/** PagerDuty by its Events API v2: an alert opens with the first notice of a key and is resolved by its end. */
export const pagerduty: Channel<z.output<typeof settings>> = {
  settings,
  secrets: ["routingKey"],
  place: ["apiUrl"],
  async send({ routingKey, apiUrl }, notice, { http, signal }) {
    const action = actionOf(notice);
    const body = {
      routing_key: routingKey,
      event_action: action,
      dedup_key: plainId(notice.key, MAX_KEY),
      ...(action === "trigger" && alertOf(notice)),
    };
    await http.send({ url: under(apiUrl, "/v2/enqueue"), body }, signal);
  },
};

function actionOf({ severity, event }: Notice): "trigger" | "acknowledge" | "resolve" {
  if (severity === "ok") return "resolve";
  return event === "acknowledged" ? "acknowledge" : "trigger";
}

function alertOf(notice: Notice) {
  const link = linkOf(notice);
  const [monitor] = notice.monitors;
  return {
    payload: {
      summary: titleOf(notice, MAX_SUMMARY),
      source: shorten(clean(monitor?.target ?? ""), 255) || "Watchpost",
      severity: notice.severity,
      timestamp: new Date(notice.at).toISOString(),
      component: shorten(clean(monitor?.name ?? ""), 255) || undefined,
      class: notice.event,
      custom_details: { details: detailsOf(notice, 10_000), monitors: notice.monitors.length, repeat: notice.repeat },
    },
    client: "Watchpost",
    client_url: link ?? undefined,
    links: link === null ? [] : [{ href: link, text: "Open in Watchpost" }],
  };
}
