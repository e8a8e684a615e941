import { z } from "zod";
import { isNoPage } from "./answer.ts";
import type { Channel } from "./channel.ts";
import { httpUrl } from "./settings.ts";
import {
  breakMention,
  colors,
  detailsOf,
  escapeMarkdown,
  jsonBytes,
  linkOf,
  lookOf,
  symbols,
  titleOf,
} from "./text.ts";

const settings = z.strictObject({
  url: httpUrl.describe("the URL of an incoming webhook: Integrations, Incoming Webhooks"),
});

/** Attachments may have 7,900 characters in all, as JSON; what is longer is refused. The title is in it twice. */
const MAX_TITLE_BYTES = 400;
const MAX_TEXT_BYTES = 5_000;
const look = { markup: escapeMarkdown, size: jsonBytes };

/** Mattermost by an incoming webhook (developers.mattermost.com, "Use message attachments"). */
export const mattermost: Channel<z.output<typeof settings>> = {
  settings,
  secrets: ["url"],
  place: [],
  async send({ url }, notice, { http, signal }) {
    const symbol = symbols[lookOf(notice)];
    const attachment = {
      // For notifications, which are plain text.
      fallback: `${symbol} ${titleOf(notice, MAX_TITLE_BYTES, { markup: breakMention, size: jsonBytes })}`,
      color: colors[lookOf(notice)],
      title: `${symbol} ${titleOf(notice, MAX_TITLE_BYTES, look)}`,
      title_link: linkOf(notice, 1_000) ?? undefined,
      text: detailsOf(notice, MAX_TEXT_BYTES, look),
    };
    await http.send({ url, body: { attachments: [attachment] }, isTaken: isNoPage }, signal);
  },
};
