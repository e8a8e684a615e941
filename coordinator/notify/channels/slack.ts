import { z } from "zod";
import type { Channel } from "./channel.ts";
import { httpUrl } from "./settings.ts";
import { colors, detailsOf, escapeSlack, linkOf, symbols, titleOf } from "./text.ts";

const settings = z.strictObject({ url: httpUrl.describe("the URL of an incoming webhook") });

/** docs.slack.dev, "Text object": 1 to 3,000 characters. */
const MAX_TEXT = 3_000;
const markup = escapeSlack;

/** Slack by an incoming webhook (docs.slack.dev, "Sending messages using incoming webhooks"). */
export const slack: Channel<z.output<typeof settings>> = {
  settings,
  secrets: ["url"],
  place: [],
  async send({ url }, notice, { http, signal }) {
    const link = linkOf(notice, 500)?.replace(/[&<>]/g, escapeSlack);
    const title = titleOf(notice, 500, { markup });
    const blocks = [
      // Verbatim, lest names in the text be taken for mentions.
      { type: "section", text: { type: "mrkdwn", text: detailsOf(notice, MAX_TEXT, { markup }), verbatim: true } },
      ...(link === undefined
        ? []
        : [
            {
              type: "context",
              elements: [{ type: "mrkdwn", text: `<${link}|Open in Watchpost>`, verbatim: true }],
            },
          ]),
    ];
    const body = {
      text: `${symbols[notice.severity]} *${title}*`,
      unfurl_links: false,
      unfurl_media: false,
      attachments: [{ color: colors[notice.severity], fallback: title, blocks }],
    };
    await http.send({ url, body }, signal);
  },
};
