import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { toDocument } from "../../../../coordinator/notify/channels/document.ts";
import { createHttpClient } from "../../../../coordinator/notify/channels/http.ts";
import { sendNotice } from "../../../../coordinator/notify/channels/index.ts";
import type { Notice } from "../../../../coordinator/notify/notice.ts";
import { closing, hostileNotice, longNotice, recovery, testNotice } from "./notices.ts";
import { type HttpChannelType, type HttpVendor, httpChannelTypes, httpVendor, type Received } from "./vendors.ts";

const http = createHttpClient({ userAgent: "Watchpost/test" });
afterAll(() => http.stop());

type Json = any;
const json = ({ body }: Received): Json => JSON.parse(body);

/** What a vendor documents of a request, beside what it refuses anyway (`vendor-rules.ts`). */
interface Documented {
  readonly method?: "PUT";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly type?: string;
  /** What its markup and its conventions allow, whatever the notice says. */
  readonly limits: (request: Received) => void;
  /** All that it gets of an outage, as it comes. */
  readonly down: readonly Sent[];
  /** All that it gets of its end. */
  readonly up: readonly Sent[];
}

interface Sent {
  /** The one above unless it is another. */
  readonly path?: string;
  readonly body: Json;
}

const url = "https://watch.example/#/incidents/inc_7h3p1c?a=1&b=2";
const facts = ["Target: https://shop.example/health_check", "eu-west: connect_refused", "us-east: connect_refused"];
const details = facts.join("\n");
const escaped = details.replaceAll("connect_refused", "connect\\_refused");
/** Nothing that Discord or Mattermost would read as Markdown, addresses aside. */
const noMarkdown = (text: string) =>
  expect(text.replace(/(?<=^|\s)https?:\/\/\S+/g, "")).not.toMatch(/(?<!\\)(\\\\)*[`*_~|<>[\]#]/);
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

const plainText = (text: string) => ({ type: "plain_text", text, emoji: false });
const slackMessage = (title: string, color: string, text: string) => ({
  text: title,
  unfurl_links: false,
  unfurl_media: false,
  blocks: [{ type: "header", text: plainText(title) }],
  attachments: [
    {
      color,
      blocks: [
        { type: "section", text: plainText(text) },
        { type: "context", elements: [{ type: "mrkdwn", text: `<${hrefed}|Open in Watchpost>` }] },
      ],
    },
  ],
});

const discordMessage = (title: string, color: number, description: string) => ({
  embeds: [{ title, description, url, color, timestamp: "2026-01-31T12:00:05.000Z" }],
  allowed_mentions: { parse: [] },
});

const paragraph = (text: string, look: object = {}) => ({
  type: "RichTextBlock",
  spacing: "small",
  inlines: [{ type: "TextRun", text, ...look }],
});
const teamsMessage = (title: string, color: string, lines: readonly string[]) => ({
  type: "message",
  attachments: [
    {
      contentType: "application/vnd.microsoft.card.adaptive",
      contentUrl: null,
      content: {
        $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
        type: "AdaptiveCard",
        version: "1.4",
        msteams: { width: "Full" },
        body: [paragraph(title, { weight: "bolder", size: "medium", color }), ...lines.map((line) => paragraph(line))],
        actions: [{ type: "Action.OpenUrl", title: "Open in Watchpost", url }],
      },
    },
  ],
});

const telegramMessage = (title: string, text: string) => ({
  chat_id: "-100123",
  message_thread_id: 5,
  text: `${title}\n${text}\n<a href="${hrefed}">Open in Watchpost</a>`,
  parse_mode: "HTML",
  link_preview_options: { is_disabled: true },
});

const pushoverMessage = (title: string, message: string) => ({
  token: "plantedPushoverToken0000000000",
  user: "plantedPushoverUser00000000000",
  title,
  message,
  url,
  url_title: "Open in Watchpost",
  timestamp: 1_769_860_805,
});

const ntfyMessage = (title: string, message: string, priority: number, tag: string) => ({
  topic: "planted-topic",
  title,
  message,
  priority,
  tags: [tag],
  click: url,
});

const gotifyMessage = (title: string, message: string, priority: number) => ({
  title,
  message,
  priority,
  extras: { "client::display": { contentType: "text/plain" }, "client::notification": { click: { url } } },
});

const mattermostMessage = (title: string, color: string, text: string) => ({
  attachments: [{ fallback: title, color, title, title_link: url, text }],
});

const matrixMessage = (symbol: string, title: string, lines: readonly string[]) => ({
  msgtype: "m.text",
  body: [`${symbol} ${title}`, ...lines, url].join("\n"),
  format: "org.matrix.custom.html",
  formatted_body: [`${symbol} <strong>${title}</strong>`, ...lines, `<a href="${hrefed}">Open in Watchpost</a>`].join(
    "<br>",
  ),
  "m.mentions": {},
});

const chatPath =
  "/v1/spaces/AAA/messages?key=planted-key&token=plantedChat%3D&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD&requestId=";
const chatMessage = (title: string, text: string) => ({
  fallbackText: title,
  cardsV2: [
    {
      cardId: "notice",
      card: {
        header: { title },
        sections: [
          {
            widgets: [
              { textParagraph: { text } },
              { buttonList: { buttons: [{ text: "Open in Watchpost", onClick: { openLink: { url } } }] } },
            ],
          },
        ],
      },
    },
  ],
  thread: { threadKey: "inc_7h3p1c" },
});

const textMessage = (...lines: readonly string[]) => ({
  To: "+15557654321",
  From: "+15551234567",
  Body: [...lines, url].join("\n"),
});

const documented: { readonly [T in HttpChannelType]: Documented } = {
  webhook: {
    path: "/hook?key=planted-in-the-query",
    headers: {
      authorization: "Bearer planted-in-a-header",
      "webhook-id": "ntc_4k2j9x",
      "webhook-timestamp": "1769860800",
    },
    limits: (request) => {
      const { monitors, monitorCount } = json(request).data;
      expect(monitors).toHaveLength(Math.min(100, monitorCount));
    },
    down: [{ body: toDocument(testNotice()) }],
    up: [{ body: toDocument(recovery()) }],
  },
  slack: {
    path: "/services/T0/B0/plantedSlack",
    limits: (request) => {
      const { text, blocks, attachments } = json(request);
      const [details] = attachments[0].blocks;
      for (const part of [text, blocks[0].text.text, details.text.text])
        expect(part).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
      for (const block of [...blocks, details]) expect(block.text.type).toBe("plain_text");
    },
    down: [{ body: slackMessage("🔴 DOWN: Checkout API", "#d92d20", details) }],
    up: [{ body: slackMessage("🟢 UP: Checkout API", "#17b26a", "Down for 3 min 20 s") }],
  },
  discord: {
    path: "/api/webhooks/1/plantedDiscord?thread_id=7&wait=true",
    limits: (request) => {
      const [{ title, description }] = json(request).embeds;
      noMarkdown(title);
      noMarkdown(description);
      noMention(description);
    },
    down: [{ body: discordMessage("🔴 DOWN: Checkout API", 0xd92d20, escaped) }],
    up: [{ body: discordMessage("🟢 UP: Checkout API", 0x17b26a, "Down for 3 min 20 s") }],
  },
  teams: {
    path: "/workflows/1/triggers/manual/paths/invoke?sig=plantedTeams",
    limits: (request) => {
      const [{ content }] = json(request).attachments;
      // A text block would read Markdown, and `<at>`, which needs entities besides.
      expect(new Set(content.body.map(({ type }: Json) => type))).toEqual(new Set(["RichTextBlock"]));
      expect(content.msteams).toEqual({ width: "Full" });
    },
    down: [{ body: teamsMessage("🔴 DOWN: Checkout API", "attention", facts) }],
    up: [{ body: teamsMessage("🟢 UP: Checkout API", "good", ["Down for 3 min 20 s"]) }],
  },
  telegram: {
    path: "/bot123456:planted-telegram_token/sendMessage",
    limits: (request) => {
      const { text } = json(request);
      expect(text).not.toMatch(/&(?!amp;|lt;|gt;|quot;|#39;)/);
      onlyTags(text, "<b>", "</b>", "<a>", "</a>");
      noMention(text);
    },
    down: [{ body: telegramMessage("🔴 <b>DOWN: Checkout API</b>", details) }],
    up: [{ body: telegramMessage("🟢 <b>UP: Checkout API</b>", "Down for 3 min 20 s") }],
  },
  pagerduty: {
    path: "/v2/enqueue",
    limits: () => undefined,
    down: [
      {
        body: {
          routing_key: "plantedPagerDutyKey0123456789abc",
          event_action: "trigger",
          dedup_key: "inc_7h3p1c",
          payload: {
            summary: "DOWN: Checkout API",
            source: "https://shop.example/health_check",
            severity: "critical",
            timestamp: "2026-01-31T12:00:05.000Z",
            component: "Checkout API",
            class: "down",
            custom_details: { details, monitors: 1, repeat: 0 },
          },
          client: "Watchpost",
          client_url: url,
          links: [{ href: url, text: "Open in Watchpost" }],
        },
      },
    ],
    up: ["inc_7h3p1c", "inc_7h3p1c-lesser"].map((dedup_key) => ({
      body: { routing_key: "plantedPagerDutyKey0123456789abc", event_action: "resolve", dedup_key },
    })),
  },
  opsgenie: {
    path: "/v2/alerts",
    headers: { authorization: "GenieKey planted-opsgenie" },
    limits: () => undefined,
    down: [
      {
        body: {
          message: "DOWN: Checkout API",
          alias: "inc_7h3p1c",
          description: details,
          entity: "https://shop.example/health_check",
          priority: "P1",
          source: "Watchpost",
          tags: ["watchpost", "down"],
          details: { url },
        },
      },
    ],
    up: ["inc_7h3p1c", "inc_7h3p1c-lesser"].map((alias) => ({
      path: `/v2/alerts/${alias}/close?identifierType=alias`,
      body: { source: "Watchpost", note: "UP: Checkout API\nDown for 3 min 20 s" },
    })),
  },
  pushover: {
    path: "/1/messages.json",
    limits: (request) => expect(json(request).tags).toMatch(/^[\w-]{1,255}$/),
    down: [
      {
        body: {
          ...pushoverMessage("DOWN: Checkout API", details),
          priority: 2,
          retry: 60,
          expire: 3_600,
          tags: "inc_7h3p1c",
        },
      },
    ],
    up: [
      { path: "/1/receipts/cancel_by_tag/inc_7h3p1c.json", body: { token: "plantedPushoverToken0000000000" } },
      { body: { ...pushoverMessage("UP: Checkout API", "Down for 3 min 20 s"), priority: 0 } },
    ],
  },
  ntfy: {
    path: "/",
    headers: { authorization: "Bearer tk_planted" },
    limits: () => undefined,
    down: [{ body: ntfyMessage("DOWN: Checkout API", details, 5, "rotating_light") }],
    up: [{ body: ntfyMessage("UP: Checkout API", "Down for 3 min 20 s", 3, "white_check_mark") }],
  },
  gotify: {
    path: "/gotify/message",
    headers: { "x-gotify-key": "planted-gotify" },
    limits: () => undefined,
    down: [{ body: gotifyMessage("DOWN: Checkout API", details, 8) }],
    up: [{ body: gotifyMessage("UP: Checkout API", "Down for 3 min 20 s", 5) }],
  },
  mattermost: {
    path: "/hooks/plantedMattermost",
    limits: (request) => {
      const [{ title, text, fallback }] = json(request).attachments;
      for (const part of [title, text, fallback]) noMention(part);
      noMarkdown(title);
      noMarkdown(text);
    },
    down: [{ body: mattermostMessage("🔴 DOWN: Checkout API", "#d92d20", escaped) }],
    up: [{ body: mattermostMessage("🟢 UP: Checkout API", "#17b26a", "Down for 3 min 20 s") }],
  },
  matrix: {
    method: "PUT",
    path: "/_matrix/client/v3/rooms/!abc%3Amatrix.example/send/m.room.message/ntc_4k2j9x",
    headers: { authorization: "Bearer planted-matrix" },
    limits: (request) => {
      expect(request.url).toMatch(/\/m\.room\.message\/([0-9a-f]{64}|ntc_4k2j9x)$/);
      onlyTags(json(request).formatted_body, "<strong>", "</strong>", "<br>", "<a>", "</a>");
    },
    down: [{ body: matrixMessage("🔴", "DOWN: Checkout API", facts) }],
    up: [
      {
        path: "/_matrix/client/v3/rooms/!abc%3Amatrix.example/send/m.room.message/ntc_up",
        body: matrixMessage("🟢", "UP: Checkout API", ["Down for 3 min 20 s"]),
      },
    ],
  },
  googlechat: {
    path: `${chatPath}ntc_4k2j9x`,
    limits: (request) => {
      const { cardsV2, fallbackText } = json(request);
      noMention(fallbackText);
      onlyTags(cardsV2[0].card.sections[0].widgets[0].textParagraph.text);
    },
    down: [{ body: chatMessage("🔴 DOWN: Checkout API", details) }],
    up: [{ path: `${chatPath}ntc_up`, body: chatMessage("🟢 UP: Checkout API", "Down for 3 min 20 s") }],
  },
  twilio: {
    path: `/2010-04-01/Accounts/AC${"0".repeat(32)}/Messages.json`,
    headers: { authorization: `Basic ${Buffer.from(`AC${"0".repeat(32)}:planted-twilio`).toString("base64")}` },
    type: "application/x-www-form-urlencoded",
    limits: (request) => {
      const body = new URLSearchParams(request.body).get("Body") ?? "";
      expect(body.length).toBeLessThanOrEqual(480);
      // It is of no alphabet that has 160 characters a message.
      expect(body).not.toContain("…");
    },
    down: [{ body: textMessage("DOWN: Checkout API", ...facts) }],
    up: [{ body: textMessage("UP: Checkout API", "Down for 3 min 20 s") }],
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

  const everything = () =>
    vendor.received.map((request) => ({
      path: request.url,
      body: expected.type === undefined ? json(request) : Object.fromEntries(new URLSearchParams(request.body)),
    }));
  const whole = (all: readonly Sent[]) => all.map(({ path = expected.path, body }) => ({ path, body }));

  test("is told of an outage, and of nothing else", async () => {
    await sent(testNotice());
    expect(everything()).toEqual(whole(expected.down));
  });

  test("is told of its end, and of nothing else", async () => {
    await sent(recovery());
    expect(everything()).toEqual(whole(expected.up));
  });

  test("is told that it is not watched any more as of its end, without the look of what is well", async () => {
    await sent(closing());
    const asTheEnd = JSON.stringify(whole(type === "webhook" ? [{ body: toDocument(closing()) }] : expected.up));
    const { title, lines } = closing();
    const changed: ReadonlyArray<readonly [string, string]> = [
      ["UP: Checkout API", title],
      ["Down for 3 min 20 s", lines[0] as string],
      ["ntc_up", "ntc_closed"],
      ["🟢", "⚪"],
      ["#17b26a", "#98a2b3"],
      [String(0x17b26a), String(0x98a2b3)],
      ['"good"', '"default"'],
      ["white_check_mark", "white_circle"],
    ];
    const wanted = changed.reduce((text, [from, to]) => text.replaceAll(from, to), asTheEnd);
    expect(everything()).toEqual(JSON.parse(wanted));
  });

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
