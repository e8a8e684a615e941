import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { validate } from "../../../../coordinator/http/validate.ts";
import { noticeDocument, toDocument } from "../../../../coordinator/notify/channels/document.ts";
import { createHttpClient } from "../../../../coordinator/notify/channels/http.ts";
import { channels, sendNotice } from "../../../../coordinator/notify/channels/index.ts";
import { signatureOf } from "../../../../coordinator/notify/channels/webhook.ts";
import { tempDir } from "../../../support/temp-dir.ts";
import { hostileNotice, recovery, testNotice } from "./notices.ts";
import { type HttpVendor, httpVendor, type Received, signingSecrets } from "./vendors.ts";

test("signs as the example of Standard Webhooks does", () => {
  const body = '{"test": 2432232314}';
  expect(signatureOf(signingSecrets[0], "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)).toBe(
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  );
});

const document = await readFile("docs/notifications.md", "utf8");
const blockIn = (language: string): string =>
  new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(document)?.[1] ?? "";

describe("the document", () => {
  test.each([
    ["of an outage", testNotice()],
    ["of its end", recovery()],
    ["of a region", testNotice({ event: "region_impaired", monitors: [], incident: null, url: null })],
    ["of a hostile notice", hostileNotice()],
  ])("%s follows its schema", (_what, notice) => {
    expect(noticeDocument.safeParse(JSON.parse(JSON.stringify(toDocument(notice)))).error?.issues).toBeUndefined();
  });

  test("is shown in the documents as it is", () => {
    const shown = JSON.parse(blockIn("json"));
    expect(noticeDocument.safeParse(shown).error?.issues).toBeUndefined();
    const { target: _target, ...monitor } = shown.data.monitors[0];
    expect(toDocument(testNotice())).toMatchObject({
      ...shown,
      data: { ...shown.data, lines: expect.anything(), url: expect.anything(), monitors: [monitor] },
    });
  });
});

describe("a receiver that verifies as the documents show", () => {
  const http = createHttpClient({ userAgent: "Watchpost/test" });
  let vendor: HttpVendor;
  let dir: Awaited<ReturnType<typeof tempDir>>;
  let isGenuine: (headers: object, body: string, secret: string) => boolean;
  beforeAll(async () => {
    vendor = await httpVendor("webhook");
    dir = await tempDir();
    const path = join(dir.path, "verify.mjs");
    await writeFile(path, blockIn("js"));
    ({ isGenuine } = await import(pathToFileURL(path).href));
  });
  afterAll(() => Promise.all([vendor?.stop(), dir?.remove(), http.stop()]));

  async function received(now = Date.now()): Promise<Received> {
    const signal = AbortSignal.timeout(20_000);
    await sendNotice("webhook", vendor.settings, hostileNotice(), { http, commands: [], signal, now });
    return vendor.received.at(-1) as Received;
  }

  test.each(signingSecrets)("takes a request by each of the secrets", async (secret) => {
    const { headers, body } = await received();
    expect(isGenuine(headers, body, secret)).toBe(true);
  });

  test("takes none that was changed, is old, or is by another secret", async () => {
    const { headers, body } = await received();
    const [secret] = signingSecrets;
    expect(isGenuine(headers, body.replace("down", "up"), secret)).toBe(false);
    expect(isGenuine({ ...headers, "webhook-id": "another" }, body, secret)).toBe(false);
    expect(isGenuine(headers, body, `whsec_${Buffer.alloc(32, 9).toString("base64")}`)).toBe(false);
    const old = await received(Date.now() - 600_000);
    expect(isGenuine(old.headers, old.body, secret)).toBe(false);
  });
});

test.each([
  ["a secret that is too short", { secrets: ["whsec_c2hvcnQ="] }, "secrets.0: must be whsec_"],
  ["a secret that is no base64", { secrets: [`whsec_${"*".repeat(40)}`] }, "secrets.0: must be whsec_"],
  ["no secret", { secrets: [] }, "secrets: must hold a secret"],
  [
    "a password in the URL",
    { url: "https://user:planted@hook.example/" },
    "url: must not hold a user name or password",
  ],
  ["another scheme", { url: "file:///etc/passwd" }, "url: must be an http:// or https:// URL"],
  [
    "a header that is signed",
    { headers: { "Webhook-Id": "x" } },
    "headers.Webhook-Id: must not be a header that is set anyway",
  ],
  [
    "a header of two lines",
    { headers: { "x-a": "b\r\nx-c: d" } },
    "headers.x-a: must be at most 8192 visible ASCII characters",
  ],
])("does not take %s", async (_what, changes, rule) => {
  const settings = { url: "https://hook.example/", secrets: [signingSecrets[0]], ...changes };
  expect(() => validate(channels.webhook.settings, settings)).toThrow(rule);
  expect(() => validate(channels.webhook.settings, settings)).not.toThrow("planted");
});
