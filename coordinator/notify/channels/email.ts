import { Readable } from "node:stream";
import { createTransport } from "nodemailer";
import type { NodemailerError } from "nodemailer/lib/errors";
import { z } from "zod";
import { errorText } from "../../../shared/errors.ts";
import type { Notice } from "../notice.ts";
import type { Channel } from "./channel.ts";
import { GiveUp, RetryLater } from "./failure.ts";
import { line, whole } from "./settings.ts";
import { detailsOf, htmlOf, linkOf, lookOf, plainId, symbols, titleOf } from "./text.ts";

const address = z.email("must be an e-mail address").max(254, "must be at most 254 characters");

const settings = z
  .strictObject({
    host: z
      .string()
      .regex(/^[A-Za-z0-9._:-]{1,253}$/, "must be a host name or an IP address")
      .describe("the mail server that takes the message"),
    port: whole(1, 65_535).default(587).describe("its port"),
    security: z
      .enum(["starttls", "tls", "none"], "must be starttls, tls or none")
      .default("starttls")
      .describe("`starttls`, which must be offered; `tls` from the start (port 465); or `none`"),
    ca: z
      .string()
      .max(65_536, "must be at most 65536 characters")
      .regex(/-----BEGIN CERTIFICATE-----/, "must be a certificate in PEM")
      .optional()
      .describe("the certificate (PEM) of the authority that vouches for the server, where it is not a public one"),
    username: line(256).optional().describe("who signs in, where the server asks for it"),
    password: line(1_024).optional().describe("the password"),
    from: address.describe("the sender's address"),
    to: z
      .array(address)
      .min(1, "must hold an address")
      .max(50, "must hold at most 50 addresses")
      .describe("the addresses that are told"),
  })
  .superRefine(({ username, password, security }, context) => {
    const wrong = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    if ((username === undefined) !== (password === undefined)) {
      wrong(username === undefined ? "username" : "password", "must be given where the other is");
    }
    if (password !== undefined && security === "none") wrong("security", "must be starttls or tls: a password is sent");
  });

const CONNECT_TIMEOUT_MS = 10_000;
const MAX_SUBJECT = 200;
const MAX_TEXT = 20_000;

/** E-mail through a mail server (RFC 5321, RFC 3207, RFC 4954). */
export const email: Channel<z.output<typeof settings>> = {
  settings,
  secrets: ["password"],
  place: ["host", "port", "security", "ca"],
  async send({ host, port, security, ca, username, password, from, to }, notice, { signal, now, onHandOver }) {
    const transport = createTransport({
      host,
      port,
      secure: security === "tls",
      requireTLS: security === "starttls",
      ignoreTLS: security === "none",
      tls: ca === undefined ? {} : { ca },
      ...(username !== undefined && { auth: { user: username, pass: password } }),
      connectionTimeout: CONNECT_TIMEOUT_MS,
      dnsTimeout: CONNECT_TIMEOUT_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    let isHandedOver = false;
    // The message is read when the server has taken sender and recipients and asks for it.
    async function* after(message: Readable): AsyncGenerator<Buffer> {
      await onHandOver?.();
      isHandedOver = true;
      yield* message;
    }
    transport.use("stream", (mail, done) => {
      mail.message.processFunc((message: Readable) => Readable.from(after(message), { objectMode: false }));
      done();
    });
    const sent = await transport
      .sendMail({ from, to, date: new Date(now), signal, ...messageOf(notice, from) })
      .catch((thrown: unknown) => {
        throw failureOf(thrown, signal, isHandedOver);
      });
    // Those who were taken have it; to send it again would tell them twice.
    if (sent.rejected.length > 0) throw new GiveUp(`sent, but not to ${sent.rejected.join(", ")}: ${refusalIn(sent)}`);
  },
};

/**
 * Everything with one key is one conversation: each refers to the same message, which
 * nobody has (RFC 5322 §3.6.4). The id is the notice's, so that a mail server can know a
 * repeated one.
 */
function messageOf(notice: Notice, from: string) {
  const domain = from.slice(from.lastIndexOf("@") + 1);
  const thread = `<${plainId(notice.key)}.incident@${domain}>`;
  const link = linkOf(notice);
  const subject = titleOf(notice, MAX_SUBJECT);
  const details = detailsOf(notice, MAX_TEXT);
  return {
    messageId: `<${plainId(notice.id)}@${domain}>`,
    inReplyTo: thread,
    references: thread,
    subject: `${symbols[lookOf(notice)]} ${subject}`,
    text: `${subject}\n\n${details}\n${link === null ? "" : `\n${link}\n`}`,
    html: [
      `<p><strong>${htmlOf(subject)}</strong></p>`,
      `<p>${htmlOf(details).replaceAll("\n", "<br>\n")}</p>`,
      ...(link === null ? [] : [`<p><a href="${htmlOf(link)}">Open in Watchpost</a></p>`]),
    ].join("\n"),
    // No holiday notes in answer, RFC 3834 §5.
    headers: { "Auto-Submitted": "auto-generated" },
  };
}

/**
 * A reply of 5yz is for good, RFC 5321 §4.2.1; so is what is wrong before anything is sent. Whether a server has a
 * message that it did not reply to, nobody knows (§4.5.3.2.6).
 */
function failureOf(thrown: unknown, signal: AbortSignal, isHandedOver: boolean): RetryLater | GiveUp {
  if (signal.aborted) return new RetryLater("no answer within the deadline", null, isHandedOver);
  const { permanent, code, responseCode } = thrown as NodemailerError;
  const wrong = permanent ?? (code === "EENVELOPE" || code === "ECONFIG" || code === "ENOAUTH");
  const isReplied = responseCode !== undefined;
  return wrong ? new GiveUp(errorText(thrown)) : new RetryLater(errorText(thrown), null, isHandedOver && !isReplied);
}

function refusalIn(sent: { readonly rejectedErrors?: readonly Error[] | undefined }): string {
  return (sent.rejectedErrors ?? []).map(errorText).join("; ");
}
