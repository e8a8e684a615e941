import { z } from "zod";
import { hasField } from "./answer.ts";
import type { Channel } from "./channel.ts";
import { httpUrl } from "./settings.ts";
import { colors, detailsOf, escapeMarkdown, linkOf, lookOf, symbols, titleOf } from "./text.ts";

const settings = z.strictObject({
  url: httpUrl.describe(
    "the URL of a webhook: the channel's settings, Integrations; `?thread_id=` at its end posts into a thread",
  ),
});

/** discord.com/developers, "Embed limits"; all of an embed's texts together may have 6,000 characters. */
const MAX_TITLE = 256;
const MAX_DESCRIPTION = 4_096;
const markup = escapeMarkdown;

/** Discord by a webhook (discord.com/developers, "Execute Webhook"). */
export const discord: Channel<z.output<typeof settings>> = {
  settings,
  secrets: ["url"],
  place: [],
  async send({ url }, notice, { http, signal }) {
    const target = new URL(url);
    // Without it Discord answers before it has looked, and what it refuses is lost.
    target.searchParams.set("wait", "true");
    const symbol = `${symbols[lookOf(notice)]} `;
    const embed = {
      title: symbol + titleOf(notice, MAX_TITLE - symbol.length, { markup }),
      description: detailsOf(notice, MAX_DESCRIPTION, { markup }),
      url: linkOf(notice) ?? undefined,
      color: Number.parseInt(colors[lookOf(notice)].slice(1), 16),
      timestamp: new Date(notice.at).toISOString(),
    };
    await http.send(
      { url: target, body: { embeds: [embed], allowed_mentions: { parse: [] } }, isTaken: hasField("id") },
      signal,
    );
  },
};
