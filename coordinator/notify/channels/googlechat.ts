import { z } from "zod";
import { hasField } from "./answer.ts";
import type { Channel } from "./channel.ts";
import { httpUrl } from "./settings.ts";
import { breakMention, detailsOf, escapeHtml, jsonBytes, linkOf, lookOf, plainId, symbols, titleOf } from "./text.ts";

const settings = z.strictObject({
  url: httpUrl.describe("the URL of a space's webhook: the space's menu, Apps & integrations"),
});

/** A message may have 32,000 bytes (developers.google.com, "spaces.messages.create"). */
const MAX_TITLE_BYTES = 1_000;
const MAX_DETAILS_BYTES = 20_000;
const size = jsonBytes;

/** Google Chat by a space's webhook, as a card: in a card's text nobody can be mentioned. One thread per key. */
export const googlechat: Channel<z.output<typeof settings>> = {
  settings,
  secrets: ["url"],
  place: [],
  async send({ url }, notice, { http, signal }) {
    const target = new URL(url);
    target.searchParams.set("messageReplyOption", "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD");
    target.searchParams.set("requestId", plainId(notice.id));
    const link = linkOf(notice);
    const symbol = symbols[lookOf(notice)];
    const widgets = [
      { textParagraph: { text: detailsOf(notice, MAX_DETAILS_BYTES, { markup: escapeHtml, size }) } },
      ...(link === null
        ? []
        : [{ buttonList: { buttons: [{ text: "Open in Watchpost", onClick: { openLink: { url: link } } }] } }]),
    ];
    const body = {
      fallbackText: `${symbol} ${titleOf(notice, MAX_TITLE_BYTES, { markup: breakMention, size })}`,
      cardsV2: [
        {
          cardId: "notice",
          card: {
            header: { title: `${symbol} ${titleOf(notice, MAX_TITLE_BYTES, { size })}` },
            sections: [{ widgets }],
          },
        },
      ],
      thread: { threadKey: plainId(notice.key) },
    };
    await http.send({ url: target, body, isTaken: hasField("name") }, signal);
  },
};
