import { z } from "zod";
import type { Notice } from "../notice.ts";
import { alertKeys } from "./alert-keys.ts";
import { hasField } from "./answer.ts";
import type { Channel } from "./channel.ts";
import type { HttpRequest } from "./http.ts";
import { baseUrl, token, under } from "./settings.ts";
import { clean, detailsOf, linkOf, shorten, titleOf } from "./text.ts";

const settings = z.strictObject({
  apiKey: token.describe("the key of an integration of the type API: the team's Integrations"),
  apiUrl: baseUrl
    .default("https://api.opsgenie.com")
    .describe(
      "where the Alert API is; `https://api.eu.opsgenie.com` in the EU, `https://api.atlassian.com/jsm/ops/integration` where Opsgenie was moved to Jira Service Management",
    ),
});

/** docs.opsgenie.com, "Alert API". */
const MAX_MESSAGE = 130;
const MAX_DESCRIPTION = 15_000;
const MAX_ENTITY = 512;
const MAX_ALIAS = 512;

const SOURCE = "Watchpost";

const priorities = { critical: "P1", warning: "P3", info: "P5", ok: "P5" } as const;

/**
 * Opsgenie by its Alert API, which Jira Service Management speaks as well (developer.atlassian.com, "Integration
 * events"): trouble opens an alert, and its end closes what it opened.
 */
export const opsgenie: Channel<z.output<typeof settings>> = {
  settings,
  secrets: ["apiKey"],
  place: ["apiUrl"],
  async send({ apiKey, apiUrl }, notice, { http, signal }) {
    const headers = { authorization: `GenieKey ${apiKey}` };
    // Once more is no harm, should one of several fail: their aliases say what they are about.
    for (const { path, body } of requestsOf(notice)) {
      await http.send(
        { url: under(apiUrl, `/v2/alerts${path}`), headers, body, isTaken: hasField("requestId") },
        signal,
      );
    }
  },
};

type Request = Pick<HttpRequest, "body"> & { readonly path: string };

function requestsOf(notice: Notice): Request[] {
  const { own, replaced, all } = alertKeys(notice, MAX_ALIAS);
  const each = (aliases: readonly string[], action: "acknowledge" | "close") =>
    aliases.map((alias) => ({
      path: `/${alias}/${action}?identifierType=alias`,
      body: { source: SOURCE, note: `${titleOf(notice, MAX_MESSAGE)}\n${detailsOf(notice, MAX_DESCRIPTION)}` },
    }));
  if (notice.severity === "ok") return each(all, "close");
  if (notice.event === "acknowledged") return each(all, "acknowledge");
  return [{ path: "", body: alertOf(notice, own) }, ...each(replaced, "close")];
}

function alertOf(notice: Notice, alias: string): object {
  return {
    message: titleOf(notice, MAX_MESSAGE),
    alias,
    description: detailsOf(notice, MAX_DESCRIPTION),
    entity: shorten(clean(notice.monitors[0]?.target ?? ""), MAX_ENTITY) || undefined,
    priority: priorities[notice.severity],
    source: SOURCE,
    tags: ["watchpost", notice.event],
    details: { url: linkOf(notice) ?? undefined },
  };
}
