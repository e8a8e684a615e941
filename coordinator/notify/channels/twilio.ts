import { z } from "zod";
import { hasField } from "./answer.ts";
import type { Channel } from "./channel.ts";
import { basic } from "./http.ts";
import { baseUrl, token, under } from "./settings.ts";
import { detailsOf, linkOf, titleOf } from "./text.ts";

const settings = z.strictObject({
  accountSid: z
    .string()
    .regex(/^AC[0-9a-fA-F]{32}$/, "must be AC and 32 hexadecimal digits")
    .describe("the account's SID, as the console shows it"),
  apiKeySid: z
    .string()
    .regex(/^SK[0-9a-fA-F]{32}$/, "must be SK and 32 hexadecimal digits")
    .optional()
    .describe("the SID of an API key, which can be revoked by itself; the account signs in where there is none"),
  authToken: token.describe("the API key's secret, or the account's auth token"),
  from: z
    .string()
    .regex(
      /^(\+[1-9]\d{1,14}|MG[0-9a-fA-F]{32}|[A-Za-z0-9 ]{1,11})$/,
      "must be a number such as +15551234567, a messaging service's SID or a sender name of at most 11 letters and digits",
    )
    .describe("who sends: a number such as `+15551234567`, a messaging service's SID (`MG…`) or a sender name"),
  to: z
    .string()
    .regex(/^\+[1-9]\d{1,14}$/, "must be a number such as +15551234567")
    .describe("who is told: one number such as `+15551234567`, since each message is paid and tried for itself"),
  apiUrl: baseUrl.default("https://api.twilio.com").describe("where the API is"),
});

/** A body may have 1,600 characters (twilio.com/docs, "Message resource"); each 70 to 160 are paid as one message. */
const MAX_BODY = 480;
const MAX_TITLE = 160;
/** Not `…`, which is not of the alphabet of 160 characters a message, but makes it one of 70 (3GPP TS 23.038). */
const look = { ellipsis: "..." };

/** SMS through Twilio (twilio.com/docs, "Create a Message"). */
export const twilio: Channel<z.output<typeof settings>> = {
  settings,
  secrets: ["authToken"],
  place: ["apiUrl"],
  async send({ accountSid, apiKeySid, authToken, from, to, apiUrl }, notice, { http, signal }) {
    const title = titleOf(notice, MAX_TITLE, look);
    const link = linkOf(notice, 200);
    const end = link === null ? "" : `\n${link}`;
    const details = notice.lines.length === 0 ? "" : detailsOf(notice, MAX_BODY - title.length - end.length - 1, look);
    const body = new URLSearchParams({
      To: to,
      [/^MG/.test(from) ? "MessagingServiceSid" : "From"]: from,
      Body: `${title}${details && `\n${details}`}${end}`,
    });
    const url = under(apiUrl, `/2010-04-01/Accounts/${accountSid}/Messages.json`);
    await http.send(
      { url, headers: { authorization: basic(apiKeySid ?? accountSid, authToken) }, body, isTaken: hasField("sid") },
      signal,
    );
  },
};
