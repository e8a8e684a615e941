import { z } from "zod";
import type { Notice } from "../notice.ts";
import type { Channel } from "./channel.ts";
import type { HttpRequest } from "./http.ts";
import { baseUrl, token, under } from "./settings.ts";
import { clean, detailsOf, linkOf, plainId, shorten, titleOf } from "./text.ts";

const settings = z.strictObject({
  apiKey: token.describe("the key of an API integration"),
  apiUrl: baseUrl
    .default("https://api.opsgenie.com")
    .describe("where the Alert API is; `https://api.eu.opsgenie.com` in the EU"),
});

/** docs.opsgenie.com, "Alert API". */
const MAX_MESSAGE = 130;
const MAX_DESCRIPTION = 15_000;
const MAX_ENTITY = 512;
const MAX_ALIAS = 512;

const priorities = { critical: "P1", warning: "P3", info: "P5", ok: "P5" } as const;

/** Opsgenie by its Alert API: an alert opens with the first notice of a key and is closed by its end. */
export const opsgenie: Channel<z.output<typeof settings>> = {
  settings,
  secrets: ["apiKey"],
  place: ["apiUrl"],
  async send({ apiKey, apiUrl }, notice, { http, signal }) {
    const { path, body } = requestOf(notice);
    const headers = { authorization: `GenieKey ${apiKey}` };
    await http.send({ url: under(apiUrl, `/v2/alerts${path}`), headers, body }, signal);
  },
};

function requestOf(notice: Notice): Pick<HttpRequest, "body"> & { readonly path: string } {
  const alias = plainId(notice.key, MAX_ALIAS);
  const source = "Watchpost";
  if (notice.severity === "ok" || notice.event === "acknowledged") {
    const action = notice.severity === "ok" ? "close" : "acknowledge";
    const body = { source, note: detailsOf(notice, MAX_DESCRIPTION) };
    return { path: `/${alias}/${action}?identifierType=alias`, body };
  }
  const body = {
    message: titleOf(notice, MAX_MESSAGE),
    alias,
    description: detailsOf(notice, MAX_DESCRIPTION),
    entity: shorten(clean(notice.monitors[0]?.target ?? ""), MAX_ENTITY) || undefined,
    priority: priorities[notice.severity],
    source,
    tags: ["watchpost", notice.event],
    details: { url: linkOf(notice) ?? undefined },
  };
  return { path: "", body };
}
