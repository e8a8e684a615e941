import { z } from "zod";
import type { Notice } from "../notice.ts";
import { alertKeys } from "./alert-keys.ts";
import { hasField } from "./answer.ts";
import type { Channel } from "./channel.ts";
import { baseUrl, under } from "./settings.ts";
import { clean, detailsOf, linkOf, shorten, titleOf } from "./text.ts";

const settings = z.strictObject({
  routingKey: z
    .string()
    .regex(/^[A-Za-z0-9]{32}$/, "must be the 32 letters and digits of an Events API v2 integration")
    .describe("the key of an Events API v2 integration: the service's Integrations"),
  apiUrl: baseUrl
    .default("https://events.pagerduty.com")
    .describe("where the Events API is; `https://events.eu.pagerduty.com` in the EU"),
});

/** developer.pagerduty.com, "Send an Alert Event". */
const MAX_SUMMARY = 1_024;
const MAX_KEY = 255;

const isTaken = hasField("status", "success");

/** PagerDuty by its Events API v2: trouble opens an alert, and its end resolves what it opened. */
export const pagerduty: Channel<z.output<typeof settings>> = {
  settings,
  secrets: ["routingKey"],
  place: ["apiUrl"],
  async send({ routingKey, apiUrl }, notice, { http, signal }) {
    // Once more is no harm, should one of several fail: their keys say what they are about.
    for (const event of eventsOf(notice)) {
      await http.send(
        { url: under(apiUrl, "/v2/enqueue"), body: { routing_key: routingKey, ...event }, isTaken },
        signal,
      );
    }
  },
};

function eventsOf(notice: Notice): object[] {
  const { own, replaced, all } = alertKeys(notice, MAX_KEY);
  const each = (keys: readonly string[], event_action: "acknowledge" | "resolve") =>
    keys.map((dedup_key) => ({ event_action, dedup_key }));
  if (notice.severity === "ok") return each(all, "resolve");
  if (notice.event === "acknowledged") return each(all, "acknowledge");
  return [{ event_action: "trigger", dedup_key: own, ...alertOf(notice) }, ...each(replaced, "resolve")];
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
