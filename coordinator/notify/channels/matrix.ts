import { z } from "zod";
import { hasField } from "./answer.ts";
import type { Channel } from "./channel.ts";
import { baseUrl, token, under } from "./settings.ts";
import { detailsOf, escapeHtml, htmlOf, jsonBytes, linkOf, lookOf, plainId, symbols, titleOf } from "./text.ts";

const settings = z.strictObject({
  serverUrl: baseUrl.describe("the homeserver"),
  accessToken: token.describe("the access token of the account that posts, which is a member of the room"),
  roomId: z
    .string()
    .regex(/^![\x21-\x7e]{1,254}$/, "must be a room's id, such as !abc:example.org; an alias is not one")
    .describe("the room's id, such as `!abc:example.org`: the room's settings, Advanced"),
});

/** An event may have 65,536 bytes (spec.matrix.org, "Size limits"); the text is in it twice, and once with markup. */
const MAX_TITLE_BYTES = 1_000;
const MAX_DETAILS_BYTES = 12_000;
const size = jsonBytes;

/**
 * Matrix by the Client-Server API (spec.matrix.org, "m.room.message"). The transaction id
 * makes a repeated send one message. `m.text`, since clients do not ring for `m.notice`.
 */
export const matrix: Channel<z.output<typeof settings>> = {
  settings,
  secrets: ["accessToken"],
  place: ["serverUrl"],
  async send({ serverUrl, accessToken, roomId }, notice, { http, signal }) {
    const link = linkOf(notice);
    const symbol = symbols[lookOf(notice)];
    const plain = [
      `${symbol} ${titleOf(notice, MAX_TITLE_BYTES, { size })}`,
      detailsOf(notice, MAX_DETAILS_BYTES, { size }),
    ];
    const html = [
      `${symbol} <strong>${titleOf(notice, MAX_TITLE_BYTES, { size, markup: escapeHtml })}</strong>`,
      detailsOf(notice, MAX_DETAILS_BYTES, { size, markup: escapeHtml }).replaceAll("\n", "<br>"),
    ];
    const body = {
      msgtype: "m.text",
      body: [...plain, ...(link === null ? [] : [link])].join("\n"),
      format: "org.matrix.custom.html",
      formatted_body: [...html, ...(link === null ? [] : [`<a href="${htmlOf(link)}">Open in Watchpost</a>`])].join(
        "<br>",
      ),
      // There, and empty: nobody is mentioned, whatever the text looks like.
      "m.mentions": {},
    };
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${plainId(notice.id)}`;
    const headers = { authorization: `Bearer ${accessToken}` };
    await http.send(
      { url: under(serverUrl, path), method: "PUT", headers, body, isTaken: hasField("event_id") },
      signal,
    );
  },
};
