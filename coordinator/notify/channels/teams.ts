import { z } from "zod";
import { isNoPage } from "./answer.ts";
import type { Channel } from "./channel.ts";
import { httpUrl } from "./settings.ts";
import { detailsOf, jsonBytes, linkOf, lookOf, symbols, titleOf } from "./text.ts";

const settings = z.strictObject({
  url: httpUrl.describe(
    "the URL of a workflow: the channel's menu, Workflows, the template that posts what a webhook receives",
  ),
});

/** A message may have 28 KB (learn.microsoft.com, "Microsoft Teams connector", known issues); the rest is the card around it. */
const MAX_TITLE_BYTES = 1_000;
const MAX_DETAILS_BYTES = 18_000;
/** Each takes about 100 bytes beside its text. */
const MAX_PARAGRAPHS = 50;

const cardColors = {
  critical: "attention",
  warning: "warning",
  info: "accent",
  ok: "good",
  ended: "default",
} as const;

/** Microsoft Teams by a workflow's webhook, as an Adaptive Card. Text runs know no Markdown, unlike text blocks. */
export const teams: Channel<z.output<typeof settings>> = {
  settings,
  secrets: ["url"],
  place: [],
  async send({ url }, notice, { http, signal }) {
    const link = linkOf(notice);
    const title = titleOf(notice, MAX_TITLE_BYTES, { size: jsonBytes });
    const lines = detailsOf(notice, MAX_DETAILS_BYTES, { size: jsonBytes }).split("\n");
    const shown = lines.length > MAX_PARAGRAPHS ? [...lines.slice(0, MAX_PARAGRAPHS - 1), "…"] : lines;
    const card = {
      $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
      type: "AdaptiveCard",
      version: "1.4",
      msteams: { width: "Full" },
      body: [
        paragraph(`${symbols[lookOf(notice)]} ${title}`, {
          weight: "bolder",
          size: "medium",
          color: cardColors[lookOf(notice)],
        }),
        ...shown.map((line) => paragraph(line)),
      ],
      actions: link === null ? [] : [{ type: "Action.OpenUrl", title: "Open in Watchpost", url: link }],
    };
    const attachment = { contentType: "application/vnd.microsoft.card.adaptive", contentUrl: null, content: card };
    await http.send({ url, body: { type: "message", attachments: [attachment] }, isTaken: isNoPage }, signal);
  },
};

function paragraph(text: string, look: Readonly<Record<string, string>> = {}) {
  return { type: "RichTextBlock", spacing: "small", inlines: [{ type: "TextRun", text, ...look }] };
}
