import { afterAll, afterEach, describe, expect, test } from "vitest";
import { createHttpClient } from "../../../../coordinator/notify/channels/http.ts";
import { sendNotice } from "../../../../coordinator/notify/channels/index.ts";
import type { Notice } from "../../../../coordinator/notify/notice.ts";
import { recovery, testNotice } from "./notices.ts";
import { type HttpChannelType, type HttpVendor, httpVendor, mailVendor, type Vendor } from "./vendors.ts";

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

describe("an acknowledgement", () => {
  const acknowledged = testNotice({ event: "acknowledged", severity: "info", title: "ACKNOWLEDGED: Checkout API" });

  test("is one at PagerDuty", async () => {
    const [request] = await sent("pagerduty", acknowledged);
    expect(JSON.parse(request?.body ?? "")).toMatchObject({ event_action: "acknowledge", dedup_key: "inc_7h3p1c" });
  });

  test("is one at Opsgenie", async () => {
    const [request] = await sent("opsgenie", acknowledged);
    expect(request?.url).toBe("/v2/alerts/inc_7h3p1c/acknowledge?identifierType=alias");
  });

  test("ends the repeating at Pushover", async () => {
    const [request] = await sent("pushover", acknowledged);
    expect(request?.url).toBe("/1/receipts/cancel_by_tag/inc_7h3p1c.json");
  });
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
