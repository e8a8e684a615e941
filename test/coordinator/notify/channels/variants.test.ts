import { afterAll, afterEach, describe, expect, test } from "vitest";
import { createHttpClient } from "../../../../coordinator/notify/channels/http.ts";
import { sendNotice } from "../../../../coordinator/notify/channels/index.ts";
import type { Notice, NoticeIncident } from "../../../../coordinator/notify/notice.ts";
import { closing, dataBack, recovery, testNotice } from "./notices.ts";
import {
  type HttpChannelType,
  type HttpVendor,
  httpVendor,
  mailVendor,
  type Received,
  type Vendor,
} from "./vendors.ts";

const http = createHttpClient({ userAgent: "Watchpost/test" });
afterAll(() => http.stop());

const vendors: Vendor[] = [];
afterEach(async () => {
  await Promise.all(vendors.splice(0).map((vendor) => vendor.stop()));
});

const context = () => ({ http, commands: [], signal: AbortSignal.timeout(20_000), now: Date.now() });

/** What the vendor got, with some settings changed or left out. */
async function sent(type: HttpChannelType, notice: Notice, changes: Readonly<Record<string, unknown>> = {}) {
  const vendor: HttpVendor = await httpVendor(type);
  vendors.push(vendor);
  await sendNotice(type, { ...vendor.settings, ...changes }, notice, context());
  return vendor.received;
}

const acknowledged = testNotice({ event: "acknowledged", severity: "info", title: "ACKNOWLEDGED: Checkout API" });

/** The alerts that a vendor was told of, and what became of them. */
const alertsIn = {
  pagerduty: (requests: readonly Received[]) =>
    requests.map(({ body }) => {
      const { event_action, dedup_key, payload } = JSON.parse(body);
      return [event_action, dedup_key, ...(payload ? [payload.severity] : [])];
    }),
  opsgenie: (requests: readonly Received[]) =>
    requests.map(({ url, body }) => {
      const [, alias, action] = /^\/v2\/alerts\/(.*)\/(close|acknowledge)\?identifierType=alias$/.exec(url) ?? [];
      const { alias: opened, priority } = JSON.parse(body);
      return action === undefined ? ["create", opened, priority] : [action, alias];
    }),
} as const;

describe.each([
  ["pagerduty", "trigger", "resolve", "critical", "warning"],
  ["opsgenie", "create", "close", "P1", "P3"],
] as const)("the alerts that %s keeps", (type, open, end, urgent, lesser) => {
  const alerts = async (notice: Notice) => alertsIn[type](await sent(type, notice));
  const degraded = (changes: Partial<Notice> = {}) =>
    testNotice({ event: "degraded", severity: "warning", title: "DEGRADED: Checkout API", ...changes });
  const incident = { ...(testNotice().incident as NoticeIncident), toldBefore: true };

  test("an outage has one, and what is less another: an open one would call nobody when it gets worse", async () => {
    expect(await alerts(testNotice())).toEqual([[open, "inc_7h3p1c", urgent]]);
    expect(await alerts(degraded())).toEqual([[open, "inc_7h3p1c-lesser", lesser]]);
    expect(await alerts(testNotice({ incident }))).toEqual([
      [open, "inc_7h3p1c", urgent],
      [end, "inc_7h3p1c-lesser"],
    ]);
    expect(await alerts(degraded({ incident }))).toEqual([
      [open, "inc_7h3p1c-lesser", lesser],
      [end, "inc_7h3p1c"],
    ]);
  });

  test("what says nothing about the outage leaves its alert alone", async () => {
    expect(await alerts(degraded({ incident, event: "no_data" }))).toEqual([[open, "inc_7h3p1c-lesser", lesser]]);
    expect(await alerts(testNotice({ incident, repeat: 1 }))).toEqual([[open, "inc_7h3p1c", urgent]]);
  });

  test("both are acknowledged, and both end", async () => {
    const both = ["inc_7h3p1c", "inc_7h3p1c-lesser"];
    expect(await alerts(acknowledged)).toEqual(both.map((key) => ["acknowledge", key]));
    expect(await alerts(recovery())).toEqual(both.map((key) => [end, key]));
    expect(await alerts(closing())).toEqual(both.map((key) => [end, key]));
  });

  test("that there is no data has one, which ends when there is, whatever that says", async () => {
    const silence = { incident: null, key: "mon_1", event: "no_data", severity: "warning" } as const;
    expect(await alerts(testNotice(silence))).toEqual([[open, "mon_1", lesser]]);
    expect(await alerts(dataBack())).toEqual([[end, "mon_1"]]);
  });

  test("trouble of an agent has one, whatever its severity", async () => {
    const trouble = { incident: null, event: "agent_trouble", severity: "warning" } as const;
    expect(await alerts(testNotice(trouble))).toEqual([[open, "inc_7h3p1c", lesser]]);
    expect(await alerts(testNotice({ ...trouble, event: "agent_recovered", severity: "ok" }))).toEqual([
      [end, "inc_7h3p1c"],
    ]);
  });
});

test("an acknowledgement ends the repeating at Pushover", async () => {
  const [request] = await sent("pushover", acknowledged);
  expect(request?.url).toBe("/1/receipts/cancel_by_tag/inc_7h3p1c.json");
});

describe("settings that are left out", () => {
  test("Pushover without emergencies has nothing to cancel", async () => {
    const requests = await sent("pushover", recovery(), { criticalPriority: undefined });
    expect(requests.map(({ url }) => url)).toEqual(["/1/messages.json"]);
    const [down] = await sent("pushover", testNotice(), { criticalPriority: undefined });
    expect(JSON.parse(down?.body ?? "")).toMatchObject({ priority: 1 });
    expect(JSON.parse(down?.body ?? "")).not.toHaveProperty("retry");
  });

  test("ntfy without a token shows none", async () => {
    const [request] = await sent("ntfy", testNotice(), { token: undefined });
    expect(request?.headers).not.toHaveProperty("authorization");
  });

  test("Telegram without a topic names none", async () => {
    const [request] = await sent("telegram", testNotice(), { threadId: undefined });
    expect(JSON.parse(request?.body ?? "")).not.toHaveProperty("message_thread_id");
  });
});

test.each([
  [`MG${"a".repeat(32)}`, "MessagingServiceSid"],
  ["Watchpost", "From"],
])("Twilio takes %s as %s", async (from, field) => {
  const [request] = await sent("twilio", testNotice(), { from });
  expect(new URLSearchParams(request?.body).get(field)).toBe(from);
});

test.each([
  ["ntfy", 3],
  ["gotify", 4],
  ["pushover", 0],
] as const)("a test of a phone by %s is seen and heard", async (type, priority) => {
  const [request] = await sent(type, testNotice({ event: "test", severity: "info" }));
  expect(JSON.parse(request?.body ?? "")).toMatchObject({ priority });
});

test("Twilio is signed in to by an API key, where there is one", async () => {
  const [request] = await sent("twilio", testNotice(), { apiKeySid: `SK${"b".repeat(32)}` });
  expect(request?.headers.authorization).toBe(
    `Basic ${Buffer.from(`SK${"b".repeat(32)}:planted-twilio`).toString("base64")}`,
  );
});

test("a reminder at Pushover takes the place of what repeats, lest both have to be acknowledged", async () => {
  const requests = await sent("pushover", testNotice({ repeat: 1 }));
  expect(requests.map(({ url }) => url)).toEqual(["/1/receipts/cancel_by_tag/inc_7h3p1c.json", "/1/messages.json"]);
});

describe("a mail server", () => {
  test("that speaks TLS from the start", async () => {
    const vendor = await mailVendor({ secure: true });
    vendors.push(vendor);
    await sendNotice("email", { ...vendor.settings, security: "tls" }, testNotice(), context());
    expect((await vendor.taken())[0]).toMatch(/^ESMTPSA to /);
  });

  test("that knows neither TLS nor users, where the operator says so", async () => {
    const vendor = await mailVendor({ disabledCommands: ["STARTTLS", "AUTH"], authOptional: true });
    vendors.push(vendor);
    const { username: _username, password: _password, ca: _ca, ...settings } = vendor.settings;
    await sendNotice("email", { ...settings, security: "none" }, testNotice(), context());
    expect((await vendor.taken())[0]).toMatch(/^ESMTP to /);
    await expect(sendNotice("email", settings, testNotice(), context())).rejects.toMatchObject({
      name: "GiveUp",
      message: expect.stringMatching(/STARTTLS/),
    });
  });
});
