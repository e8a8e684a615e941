import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createHttpClient } from "../../../../coordinator/notify/channels/http.ts";
import { sendNotice } from "../../../../coordinator/notify/channels/index.ts";
import type { Notice } from "../../../../coordinator/notify/notice.ts";
import { hostileNotice, longNotice, recovery, testNotice } from "./notices.ts";
import { type HttpChannelType, type HttpVendor, httpChannelTypes, httpVendor, type Received } from "./vendors.ts";

const http = createHttpClient({ userAgent: "Watchpost/test" });
afterAll(() => http.stop());

type Json = any;
const json = ({ body }: Received): Json => JSON.parse(body);
const bytes = (value: unknown): number => Buffer.byteLength(typeof value === "string" ? value : JSON.stringify(value));

/** What a vendor documents of a request. */
interface Documented {
  readonly method?: "PUT";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly type?: string;
  /** What its limits and its markup allow, whatever the notice says. */
  readonly limits: (request: Received) => void;
  /** What an outage looks like. */
  readonly down: (request: Received) => void;
  /** What its end looks like; the last request, where there are several. */
  readonly up: (request: Received, all: readonly Received[]) => void;
}

const url = "https://watch.example/#/incidents/inc_7h3p1c?a=1&b=2";
const hrefed = url.replace("&", "&amp;");
/** No tag but those we write. */
const onlyTags = (html: string, ...allowed: string[]) =>
  expect(
    [...new Set((html.match(/<[^>]*>?/g) ?? []).map((tag) => tag.replace(/ .*/s, ">")))].filter(
      (tag) => !allowed.includes(tag),
    ),
  ).toEqual([]);
/** Nothing that a vendor would take for a mention. */
const noMention = (text: string) => expect(text).not.toMatch(/@(?!\u200b)|(?<!\\)<users/);

const documented: { readonly [T in HttpChannelType]: Documented } = {
  webhook: {
    path: "/hook?key=planted-in-the-query",
    headers: { authorization: "Bearer planted-in-a-header" },
    limits: (request) => {
      expect(request.headers["webhook-id"]).toMatch(/^[\w-]+$/);
      const { monitors, monitorCount } = json(request).data;
      expect(monitors).toHaveLength(Math.min(100, monitorCount));
    },
    down: (request) => {
      expect(request.headers).toMatchObject({ "webhook-id": "ntc_4k2j9x", "webhook-timestamp": "1769860800" });
      expect(json(request)).toMatchObject({
        v: 1,
        id: "ntc_4k2j9x",
        type: "down",
        timestamp: "2026-01-31T12:00:05.000Z",
      });
      expect(json(request).data).toMatchObject({
        severity: "critical",
        key: "inc_7h3p1c",
        title: "DOWN: Checkout API",
      });
    },
    up: (request) => expect(json(request)).toMatchObject({ type: "up", data: { severity: "ok", key: "inc_7h3p1c" } }),
  },
  slack: {
    path: "/services/T0/B0/plantedSlack",
    limits: (request) => {
      const { text, attachments } = json(request);
      const texts: string[] = attachments[0].blocks.map((block: Json) => (block.text ?? block.elements[0]).text);
      expect(attachments[0].blocks.length).toBeLessThanOrEqual(50);
      for (const part of [text, ...texts]) expect(part.length).toBeLessThanOrEqual(3_000);
      for (const part of [text, ...texts.slice(0, 1)]) expect(part).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
    },
    down: (request) => {
      expect(json(request)).toMatchObject({
        text: "🔴 *DOWN: Checkout API*",
        unfurl_links: false,
        unfurl_media: false,
      });
      const [details, link] = json(request).attachments[0].blocks;
      expect(details.text).toMatchObject({ type: "mrkdwn", verbatim: true });
      expect(details.text.text).toContain("Target: https://shop.example/health_check\neu-west: connect_refused");
      expect(link.elements[0].text).toBe(`<${hrefed}|Open in Watchpost>`);
    },
    up: (request) => expect(json(request).text).toBe("🟢 *UP: Checkout API*"),
  },
  discord: {
    path: "/api/webhooks/1/plantedDiscord?thread_id=7&wait=true",
    limits: (request) => {
      const { embeds, allowed_mentions } = json(request);
      const [{ title, description }] = embeds;
      expect(allowed_mentions).toEqual({ parse: [] });
      expect(title.length).toBeLessThanOrEqual(256);
      expect(description.length).toBeLessThanOrEqual(4_096);
      expect(title.length + description.length).toBeLessThanOrEqual(6_000);
      for (const part of [title, description]) expect(part).not.toMatch(/(?<!\\)(\\\\)*[`*~|<>[\]#]/);
      noMention(description);
    },
    down: (request) => {
      const [embed] = json(request).embeds;
      expect(embed).toMatchObject({
        title: "🔴 DOWN: Checkout API",
        url,
        color: 0xd92d20,
        timestamp: "2026-01-31T12:00:05.000Z",
      });
      expect(embed.description).toContain("https://shop.example/health_check\n");
    },
    up: (request) => expect(json(request).embeds[0]).toMatchObject({ title: "🟢 UP: Checkout API", color: 0x17b26a }),
  },
  teams: {
    path: "/workflows/1/triggers/manual/paths/invoke?sig=plantedTeams",
    limits: (request) => {
      expect(bytes(request.body)).toBeLessThanOrEqual(28 * 1_024);
      const [{ content }] = json(request).attachments;
      // A text block would read Markdown, and `<at>`.
      expect(new Set(content.body.map(({ type }: Json) => type))).toEqual(new Set(["RichTextBlock"]));
      expect(content.msteams).toBeUndefined();
    },
    down: (request) => {
      const { type, attachments } = json(request);
      expect(type).toBe("message");
      expect(attachments).toHaveLength(1);
      expect(attachments[0]).toMatchObject({
        contentType: "application/vnd.microsoft.card.adaptive",
        contentUrl: null,
      });
      const { body, actions, ...card } = attachments[0].content;
      expect(card).toMatchObject({ type: "AdaptiveCard", version: "1.4" });
      expect(body[0].inlines[0]).toMatchObject({ type: "TextRun", text: "🔴 DOWN: Checkout API", color: "attention" });
      expect(body).toHaveLength(4);
      expect(actions).toEqual([{ type: "Action.OpenUrl", title: "Open in Watchpost", url }]);
    },
    up: (request) => expect(json(request).attachments[0].content.body[0].inlines[0]).toMatchObject({ color: "good" }),
  },
  telegram: {
    path: "/bot123456:planted-telegram_token/sendMessage",
    limits: (request) => {
      const { text } = json(request);
      const parsed = text.replace(/<[^>]*>/g, "").replace(/&\w+;|&#39;/g, "x");
      expect(parsed.length).toBeLessThanOrEqual(4_096);
      expect(text).not.toMatch(/&(?!amp;|lt;|gt;|quot;|#39;)/);
      onlyTags(text, "<b>", "</b>", "<a>", "</a>");
      noMention(text);
    },
    down: (request) => {
      const { text, ...rest } = json(request);
      expect(rest).toEqual({
        chat_id: "-100123",
        message_thread_id: 5,
        parse_mode: "HTML",
        link_preview_options: { is_disabled: true },
      });
      expect(text.split("\n")[0]).toBe("🔴 <b>DOWN: Checkout API</b>");
      expect(text.split("\n").at(-1)).toBe(`<a href="${hrefed}">Open in Watchpost</a>`);
    },
    up: (request) =>
      expect(json(request).text).toBe(
        `🟢 <b>UP: Checkout API</b>\nDown for 3 min 20 s\n<a href="${hrefed}">Open in Watchpost</a>`,
      ),
  },
  pagerduty: {
    path: "/v2/enqueue",
    limits: (request) => {
      const { dedup_key, payload } = json(request);
      expect(dedup_key.length).toBeLessThanOrEqual(255);
      expect(payload.summary.length).toBeLessThanOrEqual(1_024);
      expect(bytes(request.body)).toBeLessThan(512_000);
    },
    down: (request) => {
      const { payload, ...event } = json(request);
      expect(event).toEqual({
        routing_key: "plantedPagerDutyKey0123456789abc",
        event_action: "trigger",
        dedup_key: "inc_7h3p1c",
        client: "Watchpost",
        client_url: url,
        links: [{ href: url, text: "Open in Watchpost" }],
      });
      expect(payload).toMatchObject({
        summary: "DOWN: Checkout API",
        source: "https://shop.example/health_check",
        severity: "critical",
        timestamp: "2026-01-31T12:00:05.000Z",
      });
    },
    up: (_request, all) =>
      expect(all.map(json)).toEqual(
        ["inc_7h3p1c", "inc_7h3p1c-lesser"].map((dedup_key) => ({
          routing_key: "plantedPagerDutyKey0123456789abc",
          event_action: "resolve",
          dedup_key,
        })),
      ),
  },
  opsgenie: {
    path: "/v2/alerts",
    headers: { authorization: "GenieKey planted-opsgenie" },
    limits: (request) => {
      const { message, alias, description, entity } = json(request);
      expect(message.length).toBeLessThanOrEqual(130);
      expect(alias.length).toBeLessThanOrEqual(512);
      expect(description.length).toBeLessThanOrEqual(15_000);
      expect(entity.length).toBeLessThanOrEqual(512);
    },
    down: (request) =>
      expect(json(request)).toMatchObject({
        message: "DOWN: Checkout API",
        alias: "inc_7h3p1c",
        priority: "P1",
        source: "Watchpost",
        tags: ["watchpost", "down"],
        details: { url },
      }),
    up: (request, all) => {
      expect(all.map(({ url: path }) => path)).toEqual([
        "/v2/alerts/inc_7h3p1c/close?identifierType=alias",
        "/v2/alerts/inc_7h3p1c-lesser/close?identifierType=alias",
      ]);
      expect(json(request)).toEqual({ source: "Watchpost", note: "UP: Checkout API\nDown for 3 min 20 s" });
    },
  },
  pushover: {
    path: "/1/messages.json",
    limits: (request) => {
      const { title, message, url: link, tags } = json(request);
      expect(title.length).toBeLessThanOrEqual(250);
      expect(message.length).toBeLessThanOrEqual(1_024);
      expect(link.length).toBeLessThanOrEqual(512);
      expect(tags).toMatch(/^[\w-]{1,255}$/);
    },
    down: (request) =>
      expect(json(request)).toMatchObject({
        token: "plantedPushoverToken0000000000",
        user: "plantedPushoverUser00000000000",
        title: "DOWN: Checkout API",
        priority: 2,
        retry: 60,
        expire: 3_600,
        tags: "inc_7h3p1c",
        url,
        timestamp: 1_769_860_805,
      }),
    up: (request, all) => {
      expect(all.map(({ url: path }) => path)).toEqual([
        "/1/receipts/cancel_by_tag/inc_7h3p1c.json",
        "/1/messages.json",
      ]);
      expect(json(all[0] as Received)).toEqual({ token: "plantedPushoverToken0000000000" });
      expect(json(request)).toMatchObject({ title: "UP: Checkout API", priority: 0 });
      expect(json(request)).not.toHaveProperty("retry");
    },
  },
  ntfy: {
    path: "/",
    headers: { authorization: "Bearer tk_planted" },
    limits: (request) => {
      expect(bytes(json(request).message)).toBeLessThanOrEqual(4_096);
      expect(bytes(request.body)).toBeLessThanOrEqual(8_192);
    },
    down: (request) =>
      expect(json(request)).toMatchObject({
        topic: "planted-topic",
        title: "DOWN: Checkout API",
        priority: 5,
        tags: ["rotating_light"],
        click: url,
      }),
    up: (request) => expect(json(request)).toMatchObject({ priority: 3, tags: ["white_check_mark"] }),
  },
  gotify: {
    path: "/gotify/message",
    headers: { "x-gotify-key": "planted-gotify" },
    limits: (request) => expect(json(request).extras["client::display"]).toEqual({ contentType: "text/plain" }),
    down: (request) =>
      expect(json(request)).toMatchObject({
        title: "DOWN: Checkout API",
        priority: 8,
        extras: { "client::notification": { click: { url } } },
      }),
    up: (request) => expect(json(request)).toMatchObject({ title: "UP: Checkout API", priority: 5 }),
  },
  mattermost: {
    path: "/hooks/plantedMattermost",
    limits: (request) => {
      const { attachments } = json(request);
      expect(JSON.stringify(attachments).length).toBeLessThanOrEqual(7_900);
      const [{ title, text, fallback }] = attachments;
      for (const part of [title, text, fallback]) {
        noMention(part);
        expect(part).not.toMatch(/(?<!\\)(\\\\)*[`*~|<>[\]#]/);
      }
    },
    down: (request) =>
      expect(json(request).attachments[0]).toMatchObject({
        title: "🔴 DOWN: Checkout API",
        fallback: "🔴 DOWN: Checkout API",
        color: "#d92d20",
        title_link: url,
      }),
    up: (request) => expect(json(request).attachments[0]).toMatchObject({ color: "#17b26a" }),
  },
  matrix: {
    method: "PUT",
    path: "/_matrix/client/v3/rooms/!abc%3Amatrix.example/send/m.room.message/ntc_4k2j9x",
    headers: { authorization: "Bearer planted-matrix" },
    limits: (request) => {
      const content = json(request);
      expect(request.url).toMatch(/\/m\.room\.message\/([0-9a-f]{64}|ntc_4k2j9x)$/);
      expect(bytes(request.body)).toBeLessThan(60_000);
      expect(content["m.mentions"]).toEqual({});
      onlyTags(content.formatted_body, "<strong>", "</strong>", "<br>", "<a>", "</a>");
    },
    down: (request) => {
      const content = json(request);
      expect(content).toMatchObject({ msgtype: "m.text", format: "org.matrix.custom.html" });
      expect(content.body.split("\n")[0]).toBe("🔴 DOWN: Checkout API");
      expect(content.body.split("\n").at(-1)).toBe(url);
      expect(content.formatted_body).toMatch(/^🔴 <strong>DOWN: Checkout API<\/strong><br>/);
    },
    up: (request) => expect(request.url).toMatch(/\/ntc_up$/),
  },
  googlechat: {
    path: "/v1/spaces/AAA/messages?key=planted-key&token=plantedChat%3D&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD&requestId=ntc_4k2j9x",
    limits: (request) => {
      const { cardsV2, fallbackText, text, thread } = json(request);
      expect(bytes(request.body)).toBeLessThanOrEqual(32_000);
      expect(text).toBeUndefined();
      noMention(fallbackText);
      onlyTags(cardsV2[0].card.sections[0].widgets[0].textParagraph.text);
      expect(thread.threadKey.length).toBeLessThanOrEqual(4_000);
    },
    down: (request) => {
      const { cardsV2, thread } = json(request);
      expect(thread).toEqual({ threadKey: "inc_7h3p1c" });
      expect(cardsV2[0].card.header.title).toBe("🔴 DOWN: Checkout API");
      const [, { buttonList }] = cardsV2[0].card.sections[0].widgets;
      expect(buttonList.buttons[0].onClick).toEqual({ openLink: { url } });
    },
    up: (request) => expect(json(request)).toMatchObject({ thread: { threadKey: "inc_7h3p1c" } }),
  },
  twilio: {
    path: `/2010-04-01/Accounts/AC${"0".repeat(32)}/Messages.json`,
    headers: { authorization: `Basic ${Buffer.from(`AC${"0".repeat(32)}:planted-twilio`).toString("base64")}` },
    type: "application/x-www-form-urlencoded",
    limits: (request) => expect(new URLSearchParams(request.body).get("Body")?.length).toBeLessThanOrEqual(480),
    down: (request) =>
      expect(Object.fromEntries(new URLSearchParams(request.body))).toEqual({
        To: "+15557654321",
        From: "+15551234567",
        Body: [
          "DOWN: Checkout API",
          "Target: https://shop.example/health_check",
          "eu-west: connect_refused",
          "us-east: connect_refused",
          url,
        ].join("\n"),
      }),
    up: (request) => expect(new URLSearchParams(request.body).get("Body")).toMatch(/^UP: Checkout API\n/),
  },
};

describe.each(httpChannelTypes)("%s, as its vendor documents it", (type) => {
  const expected = documented[type];
  let vendor: HttpVendor;
  beforeAll(async () => {
    vendor = await httpVendor(type);
  });
  beforeEach(() => {
    vendor.received.length = 0;
  });
  afterAll(() => vendor?.stop());

  async function sent(notice: Notice): Promise<Received> {
    const signal = AbortSignal.timeout(20_000);
    await sendNotice(type, vendor.settings, notice, { http, commands: [], signal, now: 1_769_860_800_999 });
    return vendor.received.at(-1) as Received;
  }

  test("is asked at its path, by its method, with its credentials", async () => {
    const request = await sent(testNotice());
    expect(request).toMatchObject({ method: expected.method ?? "POST", url: expected.path });
    expect(request.headers).toMatchObject({
      "user-agent": "Watchpost/test",
      "content-type": expected.type ?? "application/json",
      ...expected.headers,
    });
    expect(vendor.received).toHaveLength(1);
  });

  test("is told of an outage", async () => expected.down(await sent(testNotice())));

  test("is told of its end", async () => expected.up(await sent(recovery()), vendor.received));

  test("gets nothing that breaks its limits or its markup", async () => {
    const request = await sent(hostileNotice());
    expected.limits(request);
    expected.limits(await sent(longNotice()));
    // Neither what turns writing around, nor half a character, nor a control character.
    expect(request.body).not.toMatch(/\u202e|\\u202e|\\ud83[de]|\\u0000|%00|\\r/i);
  });

  test("gets the same under the same id when it is told again", async () => {
    const [first, again] = [await sent(testNotice()), await sent(testNotice())];
    const plain = ({ url: path, body }: Received) => ({ path, body });
    expect(plain(again)).toEqual(plain(first));
  });
});
