import { once } from "node:events";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { testAuthority } from "../../../support/certificates.ts";
import { tempDir } from "../../../support/temp-dir.ts";
import { brokenRule, type HttpChannelType, type Received, vendorRules } from "./vendor-rules.ts";

export type { HttpChannelType, Received } from "./vendor-rules.ts";

/** What a vendor does with the next message; one that swallows it has it and never says so. */
export type Manner = "take" | "fail" | "refuse" | "stall" | "swallow";

/** The other side of a channel, on this machine. */
export interface Vendor {
  /** Settings that lead to it. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The value planted in each setting that is a secret; the longest part of it that is one. */
  readonly planted: Readonly<Record<string, string>>;
  /** The messages that it took, as they came. */
  taken(): Promise<string[]>;
  /** The executables that may be run. */
  readonly commands: readonly string[];
  will(manner: Manner): Promise<void>;
  stop(): Promise<void>;
}

export interface HttpVendor extends Vendor {
  /** Every request that it got. */
  readonly received: Received[];
  /** Answers in a way of the test's own. */
  answer: (response: ServerResponse, request: Received) => void;
}

type Plan = Pick<Vendor, "settings" | "planted">;
const url = (value: string, secret: string): Plan => ({ settings: { url: value }, planted: { url: secret } });

/** How each channel is pointed at a server, with a secret in each setting that is one. */
const plans: { readonly [T in HttpChannelType]: (base: string) => Plan } = {
  webhook: (base) => ({
    settings: {
      url: `${base}/hook?key=planted-in-the-query`,
      secrets: [signingSecrets[0], signingSecrets[1]],
      headers: { authorization: "Bearer planted-in-a-header" },
    },
    planted: { url: "planted-in-the-query", secrets: signingSecrets[0], headers: "planted-in-a-header" },
  }),
  slack: (base) => url(`${base}/services/T0/B0/plantedSlack`, "plantedSlack"),
  discord: (base) => url(`${base}/api/webhooks/1/plantedDiscord?thread_id=7`, "plantedDiscord"),
  teams: (base) => url(`${base}/workflows/1/triggers/manual/paths/invoke?sig=plantedTeams`, "plantedTeams"),
  telegram: (base) => ({
    settings: { botToken: "123456:planted-telegram_token", chatId: "-100123", threadId: 5, apiUrl: base },
    planted: { botToken: "planted-telegram_token" },
  }),
  pagerduty: (base) => ({
    settings: { routingKey: "plantedPagerDutyKey0123456789abc", apiUrl: `${base}/` },
    planted: { routingKey: "plantedPagerDutyKey0123456789abc" },
  }),
  opsgenie: (base) => ({
    settings: { apiKey: "planted-opsgenie", apiUrl: base },
    planted: { apiKey: "planted-opsgenie" },
  }),
  pushover: (base) => ({
    settings: {
      token: "plantedPushoverToken0000000000",
      user: "plantedPushoverUser00000000000",
      criticalPriority: 2,
      apiUrl: base,
    },
    planted: { token: "plantedPushoverToken0000000000", user: "plantedPushoverUser00000000000" },
  }),
  ntfy: (base) => ({
    settings: { topic: "planted-topic", token: "tk_planted", serverUrl: base },
    planted: { topic: "planted-topic", token: "tk_planted" },
  }),
  gotify: (base) => ({
    settings: { token: "planted-gotify", serverUrl: `${base}/gotify/` },
    planted: { token: "planted-gotify" },
  }),
  mattermost: (base) => url(`${base}/hooks/plantedMattermost`, "plantedMattermost"),
  matrix: (base) => ({
    settings: { accessToken: "planted-matrix", roomId: "!abc:matrix.example", serverUrl: base },
    planted: { accessToken: "planted-matrix" },
  }),
  googlechat: (base) => url(`${base}/v1/spaces/AAA/messages?key=planted-key&token=plantedChat%3D`, "plantedChat"),
  twilio: (base) => ({
    settings: {
      accountSid: `AC${"0".repeat(32)}`,
      authToken: "planted-twilio",
      from: "+15551234567",
      to: "+15557654321",
      apiUrl: base,
    },
    planted: { authToken: "planted-twilio" },
  }),
};

/** The first is the one of the specification's example. */
export const signingSecrets = [
  "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  `whsec_${Buffer.alloc(32, 7).toString("base64")}`,
] as const;

export const httpChannelTypes = Object.keys(plans) as HttpChannelType[];

export async function httpVendor(type: HttpChannelType): Promise<HttpVendor> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const got: Received = {
      method: request.method ?? "",
      url: request.url ?? "",
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    };
    received.push(got);
    vendor.answer(response, got);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const vendor: HttpVendor = {
    ...plans[type](`http://127.0.0.1:${port}`),
    received,
    taken: async () => received.map(({ body }) => body),
    commands: [],
    answer: taking(type),
    async will(manner) {
      vendor.answer = manner === "take" ? taking(type) : manners[manner];
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return vendor;
}

/** As the vendor answers: to what it does not document, that it is wrong. */
function taking(type: HttpChannelType): HttpVendor["answer"] {
  const [status, answer] = vendorRules[type].success;
  return (response, request) => {
    const broken = brokenRule(type, request);
    if (broken === null) response.writeHead(status).end(answer);
    else response.writeHead(400, { "content-type": "text/plain" }).end(`${type} does not document ${broken}`);
  };
}

const manners: Readonly<Record<Exclude<Manner, "take">, HttpVendor["answer"]>> = {
  fail: (response) => response.writeHead(500).end(),
  // A vendor that says everything back that it was sent.
  refuse: (response, { url, headers, body }) =>
    response
      .writeHead(400)
      .end(JSON.stringify({ message: `no such chat: ${url} ${Object.values(headers)}`, errors: [body] })),
  stall: () => undefined,
  swallow: () => undefined,
};

/** A mail server that wants STARTTLS and a password, unless it is told otherwise. */
export async function mailVendor(options: SMTPServerOptions = {}): Promise<Vendor> {
  const authority = testAuthority();
  const messages: string[] = [];
  let manner: Manner = "take";
  const server = new SMTPServer({
    ...authority.issue(),
    authOptional: false,
    logger: false,
    closeTimeout: 100,
    ...options,
    onAuth: ({ username, password }, _session, done) =>
      username === "watchpost" && password === "planted password"
        ? done(null, { user: username })
        : done(Object.assign(new Error(`no: ${password}`), { responseCode: 535 })),
    onMailFrom: (_address, _session, done) => {
      if (manner === "fail") return done(Object.assign(new Error("try again later"), { responseCode: 451 }));
      if (manner !== "stall") done();
    },
    onRcptTo: ({ address }, _session, done) =>
      manner === "refuse" || address.startsWith("gone@")
        ? done(Object.assign(new Error("no such user; planted password"), { responseCode: 550 }))
        : done(),
    onData: async (stream, { transmissionType, envelope }, done) => {
      const chunks: Buffer[] = [];
      try {
        for await (const chunk of stream) chunks.push(chunk as Buffer);
      } catch {
        // It was broken off, and who sent it knows.
        return;
      }
      const recipients = envelope.rcptTo.map(({ address }) => address);
      messages.push(`${transmissionType} to ${recipients}\n${Buffer.concat(chunks)}`);
      if (manner !== "swallow") done();
    },
  });
  server.on("error", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  return {
    settings: {
      host: "127.0.0.1",
      port: (server.server.address() as AddressInfo).port,
      ca: authority.cert,
      username: "watchpost",
      password: "planted password",
      from: "watchpost@watch.example",
      to: ["ops@shop.example", "boss@shop.example"],
    },
    planted: { password: "planted password" },
    taken: async () => messages,
    commands: [],
    async will(next) {
      manner = next;
    },
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** An executable that keeps what it is given. */
export async function commandVendor(): Promise<Vendor> {
  const dir = await tempDir();
  const path = join(dir.path, "tell");
  const given = join(dir.path, "given");
  const scripts: Readonly<Record<Manner, string>> = {
    take: `cat >> ${given}; echo >> ${given}`,
    fail: "echo busy; exit 75",
    refuse: "echo no such chat >&2; exit 1",
    stall: "sleep 600 & sleep 600",
    swallow: `cat >> ${given}; echo >> ${given}; sleep 600`,
  };
  const vendor: Vendor = {
    settings: { path },
    planted: {},
    taken: async () => (await readFile(given, "utf8")).trimEnd().split("\n"),
    commands: [path],
    async will(manner) {
      await writeFile(path, `#!/bin/sh\n${scripts[manner]}\n`);
      await chmod(path, 0o755);
    },
    stop: dir.remove,
  };
  await vendor.will("take");
  return vendor;
}
