import { createHmac } from "node:crypto";
import { z } from "zod";
import type { Channel } from "./channel.ts";
import { toDocument } from "./document.ts";
import { httpUrl } from "./settings.ts";
import { plainId } from "./text.ts";

const SECRET_PREFIX = "whsec_";
const keyOf = (secret: string): Buffer => Buffer.from(secret.slice(SECRET_PREFIX.length), "base64");

const secret = z
  .string()
  .refine(
    (value) => {
      const { length } = keyOf(value);
      return /^whsec_[A-Za-z0-9+/]+={0,2}$/.test(value) && length >= 24 && length <= 64;
    },
    { message: "must be whsec_ and the base64 of 24 to 64 random bytes" },
  )
  // By which the page knows what it can make.
  .meta({ format: "webhook-secret" });

/** Names are tokens, RFC 9110 §5.6.2; what frames the request and what is signed are not for settings to change. */
const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/, "must be a header name")
  .refine(
    (name) =>
      !/^(connection|content-length|content-type|expect|host|keep-alive|te|trailer|transfer-encoding|upgrade|webhook-.*)$/i.test(
        name,
      ),
    { message: "must not be a header that is set anyway" },
  );
/** RFC 9110 §5.5, in ASCII. */
const headerValue = z.string().regex(/^[\t\x20-\x7e]{0,8192}$/, "must be at most 8192 visible ASCII characters");

const settings = z.strictObject({
  url: httpUrl.describe("where to post"),
  secrets: z
    .array(secret)
    .min(1, "must hold a secret")
    .max(5, "must hold at most 5 secrets")
    .describe("what requests are signed with: `whsec_` and 24 to 64 random bytes in base64; several while they change"),
  headers: z.record(headerName, headerValue).default({}).describe("further headers"),
});

/**
 * Posts a notice as JSON, signed as Standard Webhooks 1.0.0 has it
 * (github.com/standard-webhooks, "Signature scheme").
 */
export const webhook: Channel<z.output<typeof settings>> = {
  settings,
  secrets: ["url", "secrets", "headers"],
  place: ["url"],
  async send({ url, secrets, headers }, notice, { http, signal, now }) {
    const id = plainId(notice.id);
    const timestamp = String(Math.floor(now / 1_000));
    const body = JSON.stringify(toDocument(notice));
    const signatures = secrets.map((value) => signatureOf(value, id, timestamp, body));
    const signed = {
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": signatures.join(" "),
    };
    await http.send({ url, headers: { ...headers, ...signed }, body }, signal);
  },
};

/** What the header `webhook-signature` holds for one secret; `timestamp` is in seconds. */
export function signatureOf(secret: string, id: string, timestamp: string, body: string): string {
  return `v1,${createHmac("sha256", keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
}
