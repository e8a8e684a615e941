import { z } from "zod";
import { hasField } from "./answer.ts";
import type { Channel } from "./channel.ts";
import { baseUrl, token, under } from "./settings.ts";
import { detailsOf, linkOf, titleOf } from "./text.ts";

const settings = z.strictObject({
  serverUrl: baseUrl.describe("the server"),
  token: token.describe("the application's token: the server's Apps"),
});

/** Gotify names no limits; its apps show no more. */
const MAX_TITLE = 250;
const MAX_MESSAGE = 10_000;

/** From 4 its apps make a sound, from 8 they insist (gotify.net, "Push Messages"). */
const priorities = { critical: 8, warning: 5, info: 4, ok: 5 } as const;

/** Gotify by an application's token (gotify.net, "Push Messages", "Message Extras"). */
export const gotify: Channel<z.output<typeof settings>> = {
  settings,
  secrets: ["token"],
  place: ["serverUrl"],
  async send({ serverUrl, token }, notice, { http, signal }) {
    const link = linkOf(notice);
    const body = {
      title: titleOf(notice, MAX_TITLE),
      message: detailsOf(notice, MAX_MESSAGE),
      priority: priorities[notice.severity],
      extras: {
        "client::display": { contentType: "text/plain" },
        ...(link !== null && { "client::notification": { click: { url: link } } }),
      },
    };
    await http.send(
      { url: under(serverUrl, "/message"), headers: { "x-gotify-key": token }, body, isTaken: hasField("id") },
      signal,
    );
  },
};
