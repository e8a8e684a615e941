import { z } from "zod";
import { isNoPage } from "./answer.ts";
import type { Channel } from "./channel.ts";
import { httpUrl } from "./settings.ts";
import { colors, detailsOf, escapeSlack, linkOf, lookOf, symbols, titleOf } from "./text.ts";

const settings = z.strictObject({
  url: httpUrl.describe("the URL of an incoming webhook: at api.slack.com/apps, an app's Incoming Webhooks"),
});

/** docs.slack.dev, "Header block": at most 150 characters; "Text object": 1 to 3,000. */
const MAX_HEADER = 150;
const MAX_TEXT = 3_000;
const markup = escapeSlack;

/**
 * Slack by an incoming webhook (docs.slack.dev, "Sending messages using incoming webhooks"). Plain text, since there
 * is no escape for the asterisks, underscores and `:names:` of its markup; in both of them `&`, `<` and `>` are.
 */
export const slack: Channel<z.output<typeof settings>> = {
  settings,
  secrets: ["url"],
  place: [],
  async send({ url }, notice, { http, signal }) {
    const link = linkOf(notice, 500)?.replace(/[&<>]/g, escapeSlack);
    const symbol = `${symbols[lookOf(notice)]} `;
    const title = (max: number) => symbol + titleOf(notice, max - symbol.length, { markup });
    const opened = { type: "mrkdwn", text: `<${link}|Open in Watchpost>` };
    const body = {
      // What notifications show; the blocks are the message.
      text: title(500),
      unfurl_links: false,
      unfurl_media: false,
      blocks: [{ type: "header", text: plain(title(MAX_HEADER)) }],
      // Only attachments have a color.
      attachments: [
        {
          color: colors[lookOf(notice)],
          blocks: [
            { type: "section", text: plain(detailsOf(notice, MAX_TEXT, { markup })) },
            ...(link === undefined ? [] : [{ type: "context", elements: [opened] }]),
          ],
        },
      ],
    };
    await http.send({ url, body, isTaken: isNoPage }, signal);
  },
};

const plain = (text: string) => ({ type: "plain_text", text, emoji: false });
