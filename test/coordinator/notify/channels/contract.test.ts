import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ChannelType, channelTypes, type SendContext } from "../../../../coordinator/notify/channels/channel.ts";
import { GiveUp, RetryLater } from "../../../../coordinator/notify/channels/failure.ts";
import { createHttpClient, type HttpClient } from "../../../../coordinator/notify/channels/http.ts";
import { channels, sendNotice } from "../../../../coordinator/notify/channels/index.ts";
import type { Notice } from "../../../../coordinator/notify/notice.ts";
import { until } from "../../../support/until.ts";
import { closing, dataBack, gone, hostileNotice, recovery, testNotice } from "./notices.ts";
import { commandVendor, type HttpVendor, httpChannelTypes, httpVendor, mailVendor, type Vendor } from "./vendors.ts";

const http = createHttpClient({ userAgent: "Watchpost/test" });
afterAll(() => http.stop());

const vendorOf = (type: ChannelType): Promise<Vendor> => {
  if (type === "email") return mailVendor();
  return type === "command" ? commandVendor() : httpVendor(type);
};

function sender(type: ChannelType, vendor: Vendor) {
  return async (notice: Notice, changes: Partial<SendContext> = {}, settings = vendor.settings) => {
    const signal = AbortSignal.timeout(20_000);
    await sendNotice(type, settings, notice, { http, commands: vendor.commands, signal, now: Date.now(), ...changes });
  };
}

const handingOver = (onHandOver: () => Promise<void>): HttpClient => ({
  ...http,
  send: (request, signal) => http.send(request, signal, onHandOver),
});

const failure = (sending: Promise<void>): Promise<Error> =>
  sending.then(
    () => expect.fail("it was sent"),
    (thrown: Error) => thrown,
  );

test("the table holds every type, once", () => {
  expect(Object.keys(channels)).toEqual([...channelTypes]);
});

describe.each(channelTypes)("every channel: %s", (type) => {
  let vendor: Vendor;
  let send: ReturnType<typeof sender>;
  beforeAll(async () => {
    vendor = await vendorOf(type);
    send = sender(type, vendor);
  });
  beforeEach(() => vendor.will("take"));
  afterAll(() => vendor?.stop());

  test("tells of an outage, its end and a test", async () => {
    await send(testNotice());
    await send(recovery());
    await send(
      testNotice({
        event: "test",
        severity: "info",
        title: "Test",
        lines: [],
        monitors: [],
        incident: null,
        evidence: [],
        url: null,
      }),
    );
    expect((await vendor.taken()).length).toBeGreaterThanOrEqual(3);
  });

  test.each([
    ["what was down is not watched any more", closing(), "NO LONGER WATCHED"],
    ["results come again which say that it is down", dataBack(), "DATA AGAIN"],
    ["an agent is not expected any more", gone(), "NOT EXPECTED ANY MORE"],
  ])("tells that %s as an end, and not as if it were well", async (_, notice, title) => {
    await send(notice);
    const message = (await vendor.taken()).at(-1) ?? "";
    expect(message).not.toMatch(/🟢|17b26a|\b1553002\b|white_check_mark|"good"/);
    // Of an end PagerDuty takes no text.
    const text = type === "email" ? message.replace(/=\r?\n/g, "") : message.replaceAll("+", " ");
    expect(text).toContain(type === "pagerduty" ? '"event_action":"resolve"' : title);
  });

  test("is not led astray by a hostile notice", async () => {
    await send(hostileNotice());
    const message = (await vendor.taken()).at(-1) ?? "";
    expect(Buffer.byteLength(message)).toBeLessThan(type === "webhook" || type === "command" ? 1_500_000 : 200_000);
  });

  test("asks to be tried again when the other side fails", async () => {
    await vendor.will("fail");
    const thrown = await failure(send(testNotice()));
    expect(thrown).toBeInstanceOf(RetryLater);
    expect(thrown).toMatchObject({ retryAfterMs: null, mayHaveArrived: false });
  });

  test("gives up when the other side refuses, with its reason and without the secrets it says back", async () => {
    await vendor.will("refuse");
    const thrown = await failure(send(testNotice()));
    expect(thrown).toBeInstanceOf(GiveUp);
    expect(thrown.message).toMatch(/no such (chat|user)/);
    expect(thrown.message.length).toBeLessThanOrEqual(500);
    for (const secret of Object.values(vendor.planted)) expect(thrown.message).not.toContain(secret);
    expect(thrown.cause).toBeUndefined();
  });

  test("keeps the deadline when nothing comes back", async () => {
    await vendor.will("stall");
    const thrown = await failure(send(testNotice(), { signal: AbortSignal.timeout(300) }));
    expect(thrown).toBeInstanceOf(RetryLater);
    expect(thrown.message).toMatch(/deadline/);
  });

  test("says that it may have arrived when it was taken and not answered", async () => {
    await vendor.will("swallow");
    const before = (await vendor.taken()).length;
    const deadline = new AbortController();
    const failed = failure(send(testNotice(), { signal: deadline.signal }));
    await until(
      async () => (await vendor.taken()).length,
      (count) => count > before,
    );
    deadline.abort();
    expect(await failed).toMatchObject({ name: "RetryLater", mayHaveArrived: true });
  });

  test("does not go out when it cannot be kept that it does", async () => {
    const before = (await vendor.taken()).length;
    const onHandOver = () => Promise.reject(new Error("the database is away"));
    const thrown = await failure(send(testNotice(), { onHandOver, http: handingOver(onHandOver) }));
    expect(thrown).toMatchObject({ name: "RetryLater", mayHaveArrived: false });
    expect((await vendor.taken()).length).toBe(before);
  });

  test("does not begin when the deadline has passed", async () => {
    const before = (await vendor.taken()).length;
    expect(await failure(send(testNotice(), { signal: AbortSignal.abort() }))).toBeInstanceOf(RetryLater);
    expect((await vendor.taken()).length).toBe(before);
  });

  test("lists every setting that is a secret", () => {
    expect([...channels[type].secrets].sort()).toEqual(Object.keys(vendor.planted).sort());
  });

  test("takes its settings as they are, and names the field and the rule when one is wrong", () => {
    const { settings } = channels[type];
    expect(settings.safeParse(vendor.settings).error?.issues).toBeUndefined();
    for (const field of Object.keys(vendor.settings)) {
      const issues = settings.safeParse({ ...vendor.settings, [field]: 12_345.5 }).error?.issues ?? [];
      expect(issues.map(({ path }) => path[0])).toContain(field);
    }
    const unknown = settings.safeParse({ ...vendor.settings, more: 1 }).error?.issues ?? [];
    expect(unknown.map(({ code }) => code)).toEqual(["unrecognized_keys"]);
  });

  test("gives up on stored settings that have become wrong", async () => {
    const thrown = await failure(send(testNotice(), {}, {}));
    expect(thrown).toBeInstanceOf(GiveUp);
    expect(thrown.message).toMatch(/^settings\.\w+: \w+/);
  });

  test("is to be tried again when nothing listens", async () => {
    if (type === "command") return;
    const gone = await vendorOf(type);
    await gone.stop();
    const thrown = await failure(sender(type, gone)(testNotice()));
    expect(thrown).toBeInstanceOf(RetryLater);
    expect(thrown.message).toMatch(/ECONNREFUSED/);
    expect(thrown).toMatchObject({ mayHaveArrived: false });
    for (const secret of Object.values(gone.planted)) expect(thrown.message).not.toContain(secret);
  });
});

describe.each(httpChannelTypes)("every channel over HTTP: %s", (type) => {
  let vendor: HttpVendor;
  let send: ReturnType<typeof sender>;
  beforeAll(async () => {
    vendor = await httpVendor(type);
    send = sender(type, vendor);
  });
  afterAll(() => vendor?.stop());

  test.each([408, 429, 500, 502, 503, 504])("asks to be tried again after HTTP %i", async (status) => {
    vendor.answer = (response) => response.writeHead(status).end();
    expect(await failure(send(testNotice()))).toBeInstanceOf(RetryLater);
  });

  test("waits as long as it is asked to", async () => {
    vendor.answer = (response) => response.writeHead(429, { "retry-after": "7" }).end("slow down");
    expect(await failure(send(testNotice()))).toMatchObject({ name: "RetryLater", retryAfterMs: 7_000 });
  });

  test.each([400, 401, 403, 404, 410, 413, 422])("gives up after HTTP %i", async (status) => {
    vendor.answer = (response) => response.writeHead(status).end();
    const thrown = await failure(send(testNotice()));
    expect(thrown).toBeInstanceOf(GiveUp);
    expect(thrown.message).toContain(`HTTP ${status}`);
  });

  /**
   * What an answer of success has to be. A workflow of Teams answers what its author likes, and servers that speak
   * Slack's protocol, or Mattermost's, answer in words of their own.
   */
  const isFree = ["teams", "slack", "mattermost"].includes(type);
  const answers = type === "webhook" ? "anything" : isFree ? "anything but a page" : "as documented";

  test("takes no web page for the vendor's answer", async () => {
    vendor.answer = (response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<html><title>Sign in to Acme</title></html>");
    if (answers === "anything") return await send(testNotice());
    const thrown = await failure(send(testNotice()));
    expect(thrown).toBeInstanceOf(GiveUp);
    expect(thrown.message).toMatch(/^HTTP 200 \(OK\), but the web page "Sign in to Acme" came/);
  });

  test.each(["", "not found", "{}", '{"message":"gone"}'])(
    "takes no other answer for the vendor's: %j",
    async (body) => {
      vendor.answer = (response) => response.writeHead(200).end(body);
      if (answers !== "as documented") return await send(testNotice());
      const thrown = await failure(send(testNotice()));
      expect(thrown).toBeInstanceOf(GiveUp);
      expect(thrown.message).toMatch(/^HTTP 200 \(OK\), but not the answer that the vendor documents/);
    },
  );

  test("follows no redirect, and does not say where to", async () => {
    vendor.received.length = 0;
    vendor.answer = (response) => response.writeHead(307, { location: "/elsewhere" }).end();
    const thrown = await failure(send(testNotice()));
    expect(thrown).toBeInstanceOf(GiveUp);
    expect(thrown.message).toContain("redirects are not followed");
    expect(vendor.received).toHaveLength(1);
  });
});
