import { z } from "zod";
import type { Notice } from "../notice.ts";
import { hasField } from "./answer.ts";
import type { Channel } from "./channel.ts";
import { baseUrl, under, whole } from "./settings.ts";
import { detailsOf, linkOf, plainId, titleOf } from "./text.ts";

const key = z.string().regex(/^[A-Za-z0-9]{30}$/, "must be 30 letters and digits");

const settings = z.strictObject({
  token: key.describe("the application's token: pushover.net/apps"),
  user: key.describe("the key of a user, as pushover.net shows it, or of a group"),
  device: z
    .string()
    .regex(/^[A-Za-z0-9_,-]{1,255}$/, "must be device names separated by commas")
    .optional()
    .describe("devices, separated by commas; all of the user's when left out"),
  criticalPriority: whole(-2, 2)
    .default(1)
    .describe("the priority of an outage; 2 repeats it until it is acknowledged"),
  retrySeconds: whole(30, 10_800).default(60).describe("how often priority 2 repeats"),
  expireSeconds: whole(30, 10_800).default(3_600).describe("how long priority 2 repeats"),
  apiUrl: baseUrl.default("https://api.pushover.net").describe("where the API is"),
});
type Settings = z.output<typeof settings>;

/** pushover.net/api, "Limitations" and "Supplementary URLs". */
const MAX_TITLE = 250;
const MAX_MESSAGE = 1_024;
const MAX_URL = 512;
const NORMAL = 0;
const EMERGENCY = 2;

const isTaken = hasField("status", 1);

/** Pushover by its Message API; an end or an acknowledgement stops the repeating of what it ends. */
export const pushover: Channel<Settings> = {
  settings,
  secrets: ["token", "user"],
  place: ["apiUrl"],
  async send(settings, notice, { http, signal }) {
    const { token, apiUrl, criticalPriority } = settings;
    const tag = plainId(notice.key);
    const ends = notice.severity === "ok" || notice.event === "acknowledged";
    // Nor does one repeat beside its reminder: each would have to be acknowledged.
    if ((ends || notice.repeat > 0) && criticalPriority === EMERGENCY) {
      // First: should what follows fail, to do this once more is no harm.
      await http.send(
        { url: under(apiUrl, `/1/receipts/cancel_by_tag/${tag}.json`), body: { token }, isTaken },
        signal,
      );
    }
    await http.send(
      { url: under(apiUrl, "/1/messages.json"), body: messageOf(settings, notice, tag), isTaken },
      signal,
    );
  },
};

function messageOf(settings: Settings, notice: Notice, tag: string) {
  const { token, user, device, criticalPriority, retrySeconds, expireSeconds } = settings;
  const priority = notice.severity === "critical" ? criticalPriority : NORMAL;
  const url = linkOf(notice, MAX_URL) ?? undefined;
  return {
    token,
    user,
    device,
    title: titleOf(notice, MAX_TITLE),
    message: detailsOf(notice, MAX_MESSAGE),
    url,
    url_title: url && "Open in Watchpost",
    timestamp: Math.floor(notice.at / 1_000),
    priority,
    ...(priority === EMERGENCY && { retry: retrySeconds, expire: expireSeconds, tags: tag }),
  };
}
