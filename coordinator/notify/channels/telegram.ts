import { z } from "zod";
import { hasField } from "./answer.ts";
import type { Channel } from "./channel.ts";
import { baseUrl, under, whole } from "./settings.ts";
import { breakMention, detailsOf, escapeHtml, htmlOf, linkOf, lookOf, symbols, titleOf } from "./text.ts";

const settings = z.strictObject({
  botToken: z
    .string()
    .regex(/^\d{1,20}:[A-Za-z0-9_-]{20,100}$/, "must be a bot's token, such as 123456:ABC-DEF1234ghIkl-zyx57W2v1u")
    .describe("the bot's token, from @BotFather"),
  chatId: z
    .string()
    .regex(/^(-?\d{1,20}|@[A-Za-z0-9_]{4,32})$/, "must be a chat's number, or @ and a channel's name")
    .describe(
      "the chat's number, which is negative for groups and stands in the bot's `getUpdates`, or `@` and a public channel's name",
    ),
  threadId: whole(1, 2_147_483_647).optional().describe("a topic of a forum"),
  apiUrl: baseUrl.default("https://api.telegram.org").describe("where the Bot API is"),
});

/** core.telegram.org/bots/api, "sendMessage": 4,096 characters after the markup is parsed. */
const MAX_TITLE = 300;
const MAX_DETAILS = 3_700;

/** Telegram marks up `@name` by itself, and tells who bears it. */
const markup = (character: string): string => (character === "@" ? breakMention(character) : escapeHtml(character));

/** Telegram by a bot (core.telegram.org/bots/api, "sendMessage", "HTML style"). */
export const telegram: Channel<z.output<typeof settings>> = {
  settings,
  secrets: ["botToken"],
  place: ["apiUrl"],
  async send({ botToken, chatId, threadId, apiUrl }, notice, { http, signal }) {
    const link = linkOf(notice);
    const text = [
      `${symbols[lookOf(notice)]} <b>${titleOf(notice, MAX_TITLE, { markup })}</b>`,
      detailsOf(notice, MAX_DETAILS, { markup }),
      ...(link === null ? [] : [`<a href="${htmlOf(link)}">Open in Watchpost</a>`]),
    ].join("\n");
    const body = {
      chat_id: chatId,
      message_thread_id: threadId,
      text,
      parse_mode: "HTML",
      link_preview_options: { is_disabled: true },
    };
    await http.send({ url: under(apiUrl, `/bot${botToken}/sendMessage`), body, isTaken: hasField("ok", true) }, signal);
  },
};
