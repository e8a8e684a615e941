import { afterAll, beforeAll, expect, test } from "vitest";
import { createHttpClient } from "../../../../coordinator/notify/channels/http.ts";
import { sendNotice } from "../../../../coordinator/notify/channels/index.ts";
import type { Notice } from "../../../../coordinator/notify/notice.ts";
import { selfSigned } from "../../../support/certificates.ts";
import { closing, hostileNotice, recovery, testNotice } from "./notices.ts";
import { mailVendor, type Vendor } from "./vendors.ts";

const http = createHttpClient({ userAgent: "Watchpost/test" });
let server: Vendor;
beforeAll(async () => {
  server = await mailVendor();
});
afterAll(() => Promise.all([server?.stop(), http.stop()]));

const send = (notice: Notice, changes: Readonly<Record<string, unknown>> = {}) =>
  sendNotice("email", { ...server.settings, ...changes }, notice, {
    http,
    commands: [],
    signal: AbortSignal.timeout(20_000),
    now: Date.UTC(2026, 0, 31, 12, 0, 6),
  });

/** The last message: its envelope, its headers unfolded, and the decoded parts. */
async function lastMessage() {
  const [envelope = "", ...lines] = ((await server.taken()).at(-1) ?? "").split("\n");
  const raw = lines.join("\n").replaceAll("\r\n", "\n");
  const [head = ""] = raw.split("\n\n", 1);
  const unfolded = head.replace(/\n[ \t]+/g, " ").split("\n");
  const headers = Object.fromEntries(
    unfolded.map((line) => [line.split(":", 1)[0]?.toLowerCase(), line.replace(/^[^:]*: ?/, "")]),
  );
  const boundary = /boundary="([^"]+)"/.exec(headers["content-type"] ?? "")?.[1] ?? "none";
  const parts = raw
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => {
      const [about = "", ...body] = part.trim().split("\n\n");
      const text = body.join("\n\n");
      if (/base64/i.test(about)) return Buffer.from(text, "base64").toString();
      if (!/quoted-printable/i.test(about)) return text;
      const bytes = text
        .replace(/=\n/g, "")
        .replace(/=([0-9A-F]{2})/g, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
      return Buffer.from(bytes, "latin1").toString();
    });
  return { envelope, headers, unfolded, parts };
}

const decodedWords = (header = ""): string =>
  header
    .replace(/=\?UTF-8\?B\?([^?]*)\?=\s*/gi, (_all, text) => Buffer.from(text, "base64").toString())
    .replace(/=\?UTF-8\?Q\?([^?]*)\?=\s*/gi, (_all, text: string) =>
      Buffer.from(
        text
          .replaceAll("_", " ")
          .replace(/=([0-9A-F]{2})/g, (_hex, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
        "latin1",
      ).toString(),
    );

test("goes out encrypted and signed in, as text and as HTML", async () => {
  await send(testNotice());
  const { envelope, headers, parts } = await lastMessage();
  expect(envelope).toBe("ESMTPSA to ops@shop.example,boss@shop.example");
  expect(headers).toMatchObject({
    from: "watchpost@watch.example",
    to: "ops@shop.example, boss@shop.example",
    date: "Sat, 31 Jan 2026 12:00:06 +0000",
    "auto-submitted": "auto-generated",
  });
  expect(decodedWords(headers.subject)).toBe("🔴 DOWN: Checkout API");
  expect(parts[0]).toContain(
    "DOWN: Checkout API\n\nTarget: https://shop.example/health_check\neu-west: connect_refused",
  );
  expect(parts[0]).toContain("https://watch.example/#/incidents/inc_7h3p1c?a=1&b=2");
  expect(parts[1]).toContain('<a href="https://watch.example/#/incidents/inc_7h3p1c?a=1&amp;b=2">');
});

test("has the notice's id for its own, and keeps what is about one thing in one conversation", async () => {
  await send(testNotice());
  const { headers: down } = await lastMessage();
  await send(recovery());
  const { headers: up } = await lastMessage();
  expect(down["message-id"]).toBe("<ntc_4k2j9x@watch.example>");
  expect(up["message-id"]).toBe("<ntc_up@watch.example>");
  expect(down.references).toBe("<inc_7h3p1c.incident@watch.example>");
  await send(closing());
  const { headers: closed } = await lastMessage();
  expect(decodedWords(closed.subject)).toBe("⚪ NO LONGER WATCHED: Checkout API (down for 3 min 20 s)");
  for (const header of ["references", "in-reply-to"]) {
    expect([up[header], closed[header]]).toEqual([down.references, down.references]);
  }
});

test("gets no header, recipient or tag out of a hostile notice", async () => {
  await send(hostileNotice());
  const { envelope, headers, unfolded, parts } = await lastMessage();
  expect(envelope).toBe("ESMTPSA to ops@shop.example,boss@shop.example");
  expect(unfolded.filter((line) => /^bcc/i.test(line))).toEqual([]);
  expect(headers["message-id"]).toMatch(/^<[0-9a-f]{64}@watch\.example>$/);
  expect([...new Set(parts[1]?.match(/<[^>]*>/g))].sort()).toEqual([
    "</a>",
    "</p>",
    "</strong>",
    '<a href="https://watch.example/#/incidents/inc_7h3p1c?a=1&amp;b=2">',
    "<br>",
    "<p>",
    "<strong>",
  ]);
});

test.each([
  ["gives up on a wrong password", { password: "wrong" }, { name: "GiveUp", message: expect.stringMatching(/535/) }],
  [
    "gives up where only some recipients are taken, and says which are not",
    { to: ["ops@shop.example", "gone@shop.example"] },
    { name: "GiveUp", message: expect.stringMatching(/^sent, but not to gone@shop\.example: .*no such user/) },
  ],
  ["does not trust a server that nobody vouches for", { ca: selfSigned().cert }, { name: "RetryLater" }],
  [
    "does not go on in the clear with a server that speaks TLS from the start only",
    { security: "tls" },
    { name: "RetryLater" },
  ],
  ["gives up on a server that wants it to sign in", { username: undefined, password: undefined }, { name: "GiveUp" }],
] as const)("%s", async (_what, changes, expected) => {
  await expect(send(testNotice(), changes)).rejects.toMatchObject(expected);
});

test.each([
  ["a password without a user", { username: undefined }, "username"],
  ["a password in the clear", { security: "none" }, "security"],
  ["nobody to tell", { to: [] }, "to"],
  ["an address that is none", { to: ["ops"] }, "to.0"],
])("does not take %s", async (_what, changes, field) => {
  await expect(send(testNotice(), changes)).rejects.toThrow(`settings.${field}: must`);
});
