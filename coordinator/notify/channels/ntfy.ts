import { z } from "zod";
import { hasField } from "./answer.ts";
import type { Channel } from "./channel.ts";
import { baseUrl, token } from "./settings.ts";
import { detailsOf, jsonBytes, linkOf, lookOf, titleOf } from "./text.ts";

const settings = z.strictObject({
  serverUrl: baseUrl.default("https://ntfy.sh").describe("the server"),
  topic: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, _ or -")
    .describe("the topic; who knows it can read it where the server has no access control"),
  token: token.optional().describe("an access token, where the server asks for one: its page's Account"),
});

/** A message may have 4,096 bytes, and its JSON document twice that (docs.ntfy.sh, "Publish as JSON", "Limitations"). */
const MAX_TITLE_BYTES = 500;
const MAX_MESSAGE_BYTES = 4_000;
const size = jsonBytes;

/** Below 3 it is not seen until somebody looks, and a test of the channel would seem lost (docs.ntfy.sh, "Message priority"). */
const priorities = { critical: 5, warning: 4, info: 3, ok: 3 } as const;
const tags = {
  critical: "rotating_light",
  warning: "warning",
  info: "information_source",
  ok: "white_check_mark",
  ended: "white_circle",
} as const;

/** ntfy, published as JSON: headers could not hold all of Unicode (docs.ntfy.sh, "Publish as JSON"). */
export const ntfy: Channel<z.output<typeof settings>> = {
  settings,
  secrets: ["topic", "token"],
  place: ["serverUrl"],
  async send({ serverUrl, topic, token }, notice, { http, signal }) {
    const body = {
      topic,
      title: titleOf(notice, MAX_TITLE_BYTES, { size }),
      message: detailsOf(notice, MAX_MESSAGE_BYTES, { size }),
      priority: priorities[notice.severity],
      tags: [tags[lookOf(notice)]],
      click: linkOf(notice) ?? undefined,
    };
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    await http.send({ url: serverUrl, headers, body, isTaken: hasField("id") }, signal);
  },
};
