import type { IncomingHttpHeaders } from "node:http";
import { z } from "zod";
import type { ChannelType } from "../../../../coordinator/notify/channels/channel.ts";
import { noticeDocument } from "../../../../coordinator/notify/channels/document.ts";

export type HttpChannelType = Exclude<ChannelType, "email" | "command">;

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What a vendor documents of every request: what it refuses, and what it answers to what it takes. */
interface VendorRules {
  readonly method: "POST" | "PUT";
  /** Of the path with its query. */
  readonly path: RegExp;
  /** JSON, unless it is a form. */
  readonly isForm?: boolean;
  readonly headers?: Readonly<Record<string, RegExp>>;
  /** Nothing that it does not document, nothing missing, nothing too long. */
  readonly body: z.ZodType;
  /** The size of the whole body, in bytes. */
  readonly maxBytes: number;
  readonly success: readonly [status: number, body: string];
}

/** Characters, as people count them; UTF-16 code units would be no fewer. */
const chars = (max: number) =>
  z
    .string()
    .min(1)
    .refine((text) => [...text].length <= max, { message: `more than ${max} characters` });
const bytes = (max: number) =>
  z
    .string()
    .min(1)
    .refine((text) => Buffer.byteLength(text) <= max, { message: `more than ${max} bytes` });
/** Within a document, with its escapes. */
const jsonBytes = (max: number) => (value: unknown) => Buffer.byteLength(JSON.stringify(value)) <= max;
const link = z.url({ protocol: /^https?$/ }).max(2_048);
const instant = z.iso.datetime();
const hexColor = z.string().regex(/^#[0-9a-f]{6}$/);
const id = z.string().regex(/^[A-Za-z0-9_-]+$/);

const slackText = (max: number) =>
  z.strictObject({ type: z.literal("plain_text"), text: chars(max), emoji: z.boolean().optional() });
const slackMarkup = z.strictObject({
  type: z.literal("mrkdwn"),
  text: chars(3_000),
  verbatim: z.boolean().optional(),
});
const slackBlocks = z
  .array(
    z.discriminatedUnion("type", [
      z.strictObject({ type: z.literal("header"), text: slackText(150) }),
      z.strictObject({ type: z.literal("section"), text: z.union([slackText(3_000), slackMarkup]) }),
      z.strictObject({ type: z.literal("context"), elements: z.array(slackMarkup).min(1).max(10) }),
    ]),
  )
  .min(1)
  .max(50);

const adaptiveText = z.strictObject({
  type: z.literal("TextRun"),
  text: z.string().min(1),
  weight: z.enum(["lighter", "default", "bolder"]).optional(),
  size: z.enum(["small", "default", "medium", "large", "extraLarge"]).optional(),
  color: z.enum(["default", "dark", "light", "accent", "good", "warning", "attention"]).optional(),
});

const pagerDutyAlert = { routing_key: z.string().length(32), dedup_key: chars(255) };
const opsgenieAction = z.strictObject({ source: chars(100), note: chars(25_000), user: chars(100).optional() });
const opsgenieAlert = z.strictObject({
  message: chars(130),
  alias: chars(512),
  description: chars(15_000),
  entity: chars(512).optional(),
  priority: z.enum(["P1", "P2", "P3", "P4", "P5"]),
  source: chars(100),
  tags: z.array(chars(50)).max(20),
  details: z.record(z.string(), z.string()),
});
const pushoverKey = z.string().regex(/^[A-Za-z0-9]{30}$/);
const pushoverMessage = z
  .strictObject({
    token: pushoverKey,
    user: pushoverKey,
    device: z.string().optional(),
    title: chars(250),
    message: chars(1_024),
    url: chars(512).optional(),
    url_title: chars(100).optional(),
    timestamp: z.int().min(1_000_000_000).max(9_999_999_999),
    priority: z.int().min(-2).max(2),
    retry: z.int().min(30).optional(),
    expire: z.int().max(10_800).optional(),
    tags: z.string().optional(),
  })
  .refine(({ priority, retry, expire }) => (priority === 2) === (retry !== undefined && expire !== undefined), {
    message: "retry and expire are for priority 2, and needed there",
  });

export const vendorRules: { readonly [T in HttpChannelType]: VendorRules } = {
  webhook: {
    method: "POST",
    path: /^\/hook\?key=planted-in-the-query$/,
    headers: {
      "webhook-id": /^[\w-]{1,255}$/,
      "webhook-timestamp": /^\d{10}$/,
      "webhook-signature": /^v1,[A-Za-z0-9+/]{43}=( v1,[A-Za-z0-9+/]{43}=)*$/,
    },
    body: noticeDocument,
    maxBytes: 1_500_000,
    success: [204, ""],
  },
  slack: {
    method: "POST",
    path: /^\/services\/T0\/B0\/plantedSlack$/,
    body: z.strictObject({
      text: chars(4_000),
      unfurl_links: z.boolean(),
      unfurl_media: z.boolean(),
      blocks: slackBlocks,
      attachments: z.array(z.strictObject({ color: hexColor, blocks: slackBlocks })).max(20),
    }),
    maxBytes: 40_000,
    success: [200, "ok"],
  },
  discord: {
    method: "POST",
    path: /^\/api\/webhooks\/1\/plantedDiscord\?thread_id=7&wait=true$/,
    body: z.strictObject({
      embeds: z
        .array(
          z
            .strictObject({
              title: chars(256),
              description: chars(4_096),
              url: link.optional(),
              color: z.int().min(0).max(0xffffff),
              timestamp: instant,
            })
            .refine(({ title, description }) => [...title, ...description].length <= 6_000),
        )
        .min(1)
        .max(10),
      allowed_mentions: z.strictObject({ parse: z.array(z.string()).length(0) }),
    }),
    maxBytes: 100_000,
    success: [200, '{"id":"1"}'],
  },
  teams: {
    method: "POST",
    path: /^\/workflows\/1\/triggers\/manual\/paths\/invoke\?sig=plantedTeams$/,
    body: z.strictObject({
      type: z.literal("message"),
      attachments: z
        .array(
          z.strictObject({
            contentType: z.literal("application/vnd.microsoft.card.adaptive"),
            contentUrl: z.null(),
            content: z.strictObject({
              $schema: z.literal("http://adaptivecards.io/schemas/adaptive-card.json"),
              type: z.literal("AdaptiveCard"),
              version: z.enum(["1.2", "1.3", "1.4", "1.5"]),
              msteams: z.strictObject({ width: z.literal("Full") }),
              body: z.array(
                z.strictObject({
                  type: z.literal("RichTextBlock"),
                  spacing: z.enum(["none", "small", "default", "medium", "large"]),
                  inlines: z.array(adaptiveText).min(1),
                }),
              ),
              actions: z.array(
                z.strictObject({ type: z.literal("Action.OpenUrl"), title: z.string().min(1), url: link }),
              ),
            }),
          }),
        )
        .length(1),
    }),
    maxBytes: 28 * 1_024,
    success: [202, ""],
  },
  telegram: {
    method: "POST",
    path: /^\/bot123456:planted-telegram_token\/sendMessage$/,
    body: z.strictObject({
      chat_id: z.string().regex(/^(-?\d+|@\w+)$/),
      message_thread_id: z.int().positive().optional(),
      // After the markup is parsed.
      text: z.string().refine((text) => {
        const { length } = [...text.replace(/<[^>]*>/g, "").replace(/&(\w+|#\d+);/g, "x")];
        return length >= 1 && length <= 4_096;
      }),
      parse_mode: z.literal("HTML"),
      link_preview_options: z.strictObject({ is_disabled: z.literal(true) }),
    }),
    maxBytes: 100_000,
    success: [200, '{"ok":true,"result":{"message_id":1}}'],
  },
  pagerduty: {
    method: "POST",
    path: /^\/v2\/enqueue$/,
    body: z.discriminatedUnion("event_action", [
      z.strictObject({ ...pagerDutyAlert, event_action: z.enum(["acknowledge", "resolve"]) }),
      z.strictObject({
        ...pagerDutyAlert,
        event_action: z.literal("trigger"),
        payload: z.strictObject({
          summary: chars(1_024),
          source: chars(255),
          severity: z.enum(["critical", "error", "warning", "info"]),
          timestamp: instant,
          component: chars(255).optional(),
          class: z.string().min(1),
          custom_details: z.record(z.string(), z.unknown()),
        }),
        client: z.string().min(1),
        client_url: link.optional(),
        links: z.array(z.strictObject({ href: link, text: z.string().min(1) })),
      }),
    ]),
    maxBytes: 512_000,
    success: [202, '{"status":"success","message":"Event processed","dedup_key":"1"}'],
  },
  opsgenie: {
    method: "POST",
    path: /^\/v2\/alerts(\/[\w-]{1,512}\/(close|acknowledge)\?identifierType=alias)?$/,
    headers: { authorization: /^GenieKey planted-opsgenie$/ },
    body: z.union([opsgenieAction, opsgenieAlert]),
    maxBytes: 100_000,
    success: [202, '{"result":"Request will be processed","took":0.1,"requestId":"1"}'],
  },
  pushover: {
    method: "POST",
    path: /^\/1\/(messages|receipts\/cancel_by_tag\/[\w-]+)\.json$/,
    body: z.union([pushoverMessage, z.strictObject({ token: pushoverKey })]),
    maxBytes: 10_000,
    success: [200, '{"status":1,"request":"1"}'],
  },
  ntfy: {
    method: "POST",
    path: /^\/$/,
    // Only where the server asks for it.
    headers: { authorization: /^(Bearer tk_planted)?$/ },
    body: z.strictObject({
      topic: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
      title: z.string().min(1),
      message: bytes(4_096),
      priority: z.int().min(1).max(5),
      tags: z.array(id).min(1),
      click: link.optional(),
    }),
    maxBytes: 8_192,
    success: [200, '{"id":"1","event":"message"}'],
  },
  gotify: {
    method: "POST",
    path: /^\/gotify\/message$/,
    headers: { "x-gotify-key": /^planted-gotify$/ },
    body: z.strictObject({
      title: z.string().min(1),
      message: z.string().min(1),
      priority: z.int().min(0).max(10),
      extras: z.strictObject({
        "client::display": z.strictObject({ contentType: z.literal("text/plain") }),
        "client::notification": z.strictObject({ click: z.strictObject({ url: link }) }).optional(),
      }),
    }),
    maxBytes: 100_000,
    success: [200, '{"id":1}'],
  },
  mattermost: {
    method: "POST",
    path: /^\/hooks\/plantedMattermost$/,
    body: z.strictObject({
      attachments: z
        .array(
          z.strictObject({
            fallback: z.string().min(1),
            color: hexColor,
            title: z.string().min(1),
            title_link: link.optional(),
            text: z.string().min(1),
          }),
        )
        .length(1)
        .refine(jsonBytes(7_900), { message: "attachments of more than 7,900 characters" }),
    }),
    maxBytes: 16_383,
    success: [200, "ok"],
  },
  matrix: {
    method: "PUT",
    path: /^\/_matrix\/client\/v3\/rooms\/!abc%3Amatrix\.example\/send\/m\.room\.message\/[\w-]{1,255}$/,
    headers: { authorization: /^Bearer planted-matrix$/ },
    body: z.strictObject({
      msgtype: z.literal("m.text"),
      body: z.string().min(1),
      format: z.literal("org.matrix.custom.html"),
      formatted_body: z.string().min(1),
      "m.mentions": z.strictObject({}),
    }),
    // An event may have 65,536, of which the server needs some for itself.
    maxBytes: 60_000,
    success: [200, '{"event_id":"$1"}'],
  },
  googlechat: {
    method: "POST",
    path: /^\/v1\/spaces\/AAA\/messages\?key=planted-key&token=plantedChat%3D&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD&requestId=[\w-]+$/,
    body: z.strictObject({
      fallbackText: z.string().min(1),
      cardsV2: z
        .array(
          z.strictObject({
            cardId: z.string().min(1),
            card: z.strictObject({
              header: z.strictObject({ title: z.string().min(1) }),
              sections: z
                .array(
                  z.strictObject({
                    widgets: z
                      .array(
                        z.union([
                          z.strictObject({ textParagraph: z.strictObject({ text: z.string().min(1) }) }),
                          z.strictObject({
                            buttonList: z.strictObject({
                              buttons: z
                                .array(
                                  z.strictObject({
                                    text: z.string().min(1),
                                    onClick: z.strictObject({ openLink: z.strictObject({ url: link }) }),
                                  }),
                                )
                                .min(1),
                            }),
                          }),
                        ]),
                      )
                      .min(1)
                      .max(100),
                  }),
                )
                .min(1),
            }),
          }),
        )
        .length(1),
      thread: z.strictObject({ threadKey: chars(4_000) }),
    }),
    maxBytes: 32_000,
    success: [200, '{"name":"spaces/AAA/messages/1"}'],
  },
  twilio: {
    method: "POST",
    path: /^\/2010-04-01\/Accounts\/AC0{32}\/Messages\.json$/,
    isForm: true,
    headers: { authorization: /^Basic [A-Za-z0-9+/]+=*$/ },
    body: z.union([
      z.strictObject({ To: z.string().regex(/^\+\d{2,15}$/), From: z.string().min(1), Body: chars(1_600) }),
      z.strictObject({
        To: z.string().regex(/^\+\d{2,15}$/),
        MessagingServiceSid: z.string().regex(/^MG[0-9a-f]{32}$/),
        Body: chars(1_600),
      }),
    ]),
    maxBytes: 10_000,
    success: [201, '{"sid":"SM1","status":"queued","error_code":null}'],
  },
};

/** What of a request its vendor would refuse; null when it is as it is documented. */
export function brokenRule(type: HttpChannelType, { method, url, headers, body }: Received): string | null {
  const rules = vendorRules[type];
  if (method !== rules.method) return `the method ${method}`;
  if (!rules.path.test(url)) return `the path ${url}`;
  const contentType = rules.isForm ? "application/x-www-form-urlencoded" : "application/json";
  for (const [name, form] of Object.entries({ ...rules.headers, "content-type": new RegExp(`^${contentType}$`) })) {
    if (!form.test(String(headers[name] ?? ""))) return `the header ${name}: ${headers[name]}`;
  }
  if (Buffer.byteLength(body) > rules.maxBytes) return `a body of ${Buffer.byteLength(body)} bytes`;
  const document: unknown = rules.isForm ? Object.fromEntries(new URLSearchParams(body)) : JSON.parse(body);
  const parsed = rules.body.safeParse(document);
  return parsed.success ? null : z.prettifyError(parsed.error);
}
