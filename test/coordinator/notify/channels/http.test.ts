import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { GiveUp, RetryLater } from "../../../../coordinator/notify/channels/failure.ts";
import { basic, createHttpClient } from "../../../../coordinator/notify/channels/http.ts";
import { testAuthority } from "../../../support/certificates.ts";
import { serveHttp } from "../../../support/http-server.ts";
import { startProxy } from "../../../support/proxy.ts";
import { rawTarget, type Target } from "../../../support/targets.ts";

const now = Date.UTC(2026, 0, 31, 12, 0, 0);
const http = createHttpClient({ userAgent: "Watchpost/test", now: () => now });
afterAll(() => http.stop());

const servers: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function answering(listener: RequestListener): Promise<string> {
  const server = await serveHttp(listener);
  servers.push(server);
  return server.url;
}

const sending = (url: string, options: { headers?: Record<string, string>; deadlineMs?: number } = {}) =>
  http.send({ url, headers: options.headers ?? {}, body: {} }, AbortSignal.timeout(options.deadlineMs ?? 20_000));
const failure = (sent: Promise<void>): Promise<Error> =>
  sent.then(
    () => expect.fail("it was sent"),
    (thrown) => thrown,
  );

describe("the wait that is asked for", () => {
  test.each([
    ["seconds", { "retry-after": "30" }, "", 30_000],
    ["a fraction of a second, as Discord says it", { "retry-after": "0.5" }, "", 500],
    ["a date", { "retry-after": "Sat, 31 Jan 2026 12:01:00 GMT" }, "", 60_000],
    ["a date that has passed", { "retry-after": "Sat, 31 Jan 2026 11:00:00 GMT" }, "", 0],
    ["Discord's body", {}, '{"message":"You are being rate limited.","retry_after":1.337,"global":false}', 1_337],
    ["Telegram's body", {}, '{"ok":false,"error_code":429,"parameters":{"retry_after":35}}', 35_000],
    ["Matrix's body", {}, '{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2000}', 2_000],
    ["the header, where both speak", { "retry-after": "9" }, '{"retry_after":1}', 9_000],
    ["at most an hour", { "retry-after": "999999" }, "", 3_600_000],
    ["nothing", {}, "", null],
    ["nonsense", { "retry-after": "soon" }, '{"retry_after":"later"}', null],
  ])("is %s", async (_what, headers, body, retryAfterMs) => {
    const url = await answering((_request, response) => response.writeHead(429, headers).end(body));
    expect(await failure(sending(url))).toMatchObject({ name: "RetryLater", retryAfterMs });
  });
});

describe("the reason that is given", () => {
  test.each([
    ["Slack", "invalid_payload", "invalid_payload"],
    [
      "Telegram",
      '{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}',
      "Bad Request: chat not found",
    ],
    [
      "Telegram of a group that became a supergroup",
      '{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001234567890}}',
      "Bad Request: group chat was upgraded to a supergroup chat: the chat's number is -1001234567890 now",
    ],
    [
      "PagerDuty",
      '{"status":"invalid event","message":"Event object is invalid","errors":["Length of \'routing_key\' is incorrect"]}',
      "Event object is invalid: Length of 'routing_key' is incorrect",
    ],
    [
      "Opsgenie",
      '{"message":"Request body is not processable.","errors":{"message":"Message can not be empty."},"took":0.1}',
      "Request body is not processable.: Message can not be empty.",
    ],
    [
      "Discord",
      '{"message":"Invalid Form Body","code":50035,"errors":{"embeds":{"0":{"_errors":[{"code":"X"}]}}}}',
      'Invalid Form Body: {"embeds":{"0":{"_errors":[{"code":"X"}]}}}',
    ],
    ["Pushover", '{"user":"invalid","errors":["user identifier is invalid"],"status":0}', "user identifier is invalid"],
    ["Matrix", '{"errcode":"M_FORBIDDEN","error":"You are not in the room"}', "You are not in the room: M_FORBIDDEN"],
    ["Google Chat", '{"error":{"code":400,"message":"Invalid thread","status":"INVALID_ARGUMENT"}}', "Invalid thread"],
    ["a web server", "<html><body>Bad Request</body></html>", ""],
  ])("is what %s says", async (_vendor, body, reason) => {
    const url = await answering((_request, response) => response.writeHead(400).end(body));
    expect((await failure(sending(url))).message).toBe(`HTTP 400 (Bad Request)${reason && `: ${reason}`}`);
  });

  test("leaves out credentials that are said back", async () => {
    const authorization = basic("AC1", "very secret");
    const url = await answering(({ headers }, response) =>
      response.writeHead(401).end(`not you: ${headers.authorization}`),
    );
    expect((await failure(sending(url, { headers: { authorization } }))).message).toBe(
      "HTTP 401 (Unauthorized): not you: Basic ***",
    );
  });

  test("is read to a limit, however much comes", async () => {
    let open = true;
    const url = await answering((_request, response) => {
      response.writeHead(400, { "content-type": "text/plain" });
      response.once("close", () => {
        open = false;
      });
      const more = () => open && response.write("x".repeat(65_536), () => setImmediate(more));
      more();
    });
    const thrown = await failure(sending(url));
    expect(thrown).toBeInstanceOf(GiveUp);
    expect(thrown.message.length).toBeLessThan(20_000);
  });
});

describe("the deadline", () => {
  test("ends a request whose headers never end", async () => {
    const target: Target = await rawTarget("HTTP/1.1 200 OK\r\nx: ");
    servers.push(target);
    const thrown = await failure(sending(`http://127.0.0.1:${target.port}`, { deadlineMs: 200 }));
    expect(thrown).toMatchObject({ name: "RetryLater", message: "no answer within the deadline" });
  });

  test("does not turn what was taken into a failure when its body never ends", async () => {
    const url = await answering((_request, response) => response.writeHead(200).write("taken"));
    await sending(url, { deadlineMs: 200 });
  });

  test("ends the reading of a refusal, which stays one", async () => {
    const url = await answering((_request, response) => response.writeHead(404).write("gone"));
    const thrown = await failure(sending(url, { deadlineMs: 200 }));
    expect(thrown).toMatchObject({ name: "GiveUp", message: "HTTP 404 (Not Found): gone" });
  });
});

test.each([
  ["a connection that breaks", "HTTP/1.1 200", RetryLater],
  ["an answer that is not HTTP", "SSH-2.0-OpenSSH\r\n\r\n", RetryLater],
])("asks to be tried again after %s", async (_what, bytes, kind) => {
  const target = await rawTarget(bytes, { end: true });
  servers.push(target);
  expect(await failure(sending(`http://127.0.0.1:${target.port}`))).toBeInstanceOf(kind);
});

test("says plainly that a port speaks no TLS", async () => {
  const url = await answering((_request, response) => response.end());
  const thrown = await failure(sending(url.replace("http:", "https:")));
  expect(thrown).toMatchObject({ name: "RetryLater", mayHaveArrived: false });
  expect(thrown.message).toBe(
    "no TLS is spoken at this port: the URL begins with https, and the port may be one of plain HTTP",
  );
});

describe("an answer of success that is to be looked at", () => {
  const isTaken = (answer: string) => answer === "ok";
  const sendingTo = (listener: RequestListener, authorization = "Basic secret") =>
    answering(listener).then((url) =>
      http.send({ url, headers: { authorization }, body: {}, isTaken }, AbortSignal.timeout(500)),
    );

  test("is one when it is the vendor's", async () => {
    await sendingTo((_request, response) => response.end("ok"));
  });

  test.each([
    ["a login page", "<!doctype html><title>Sign in</title>", 'the web page "Sign in" came in place'],
    ["a page without a title", " <html><body>Hello", "a web page came in place"],
    ["what says no more", "", "not the answer that the vendor documents"],
    ["what says otherwise", '{"message":"not here"}', "not the answer that the vendor documents: not here"],
    ["what says credentials back", "Basic secret?", "not the answer that the vendor documents: Basic ***?"],
  ])("is none when it is %s", async (_what, body, reason) => {
    const thrown = await failure(sendingTo((_request, response) => response.end(body)));
    expect(thrown).toBeInstanceOf(GiveUp);
    expect(thrown.message).toContain(`HTTP 200 (OK), but ${reason}`);
  });

  test("is one when it breaks off or is too long to be read, unless it is a page", async () => {
    await sendingTo((_request, response) => response.writeHead(200).write('{"taken":'));
    await sendingTo((_request, response) => response.end(`{"taken":"${"x".repeat(20_000)}"}`));
    const thrown = await failure(sendingTo((_request, response) => response.writeHead(200).write("<html>")));
    expect(thrown).toBeInstanceOf(GiveUp);
  });
});

test("gives up on what cannot be sent", async () => {
  expect(await failure(sending("gopher://127.0.0.1/"))).toBeInstanceOf(GiveUp);
  expect(await failure(sending("http://127.0.0.1:1/", { headers: { "x-y": "a\nb" } }))).toBeInstanceOf(GiveUp);
});

test("it is said that the message is handed over when there is a connection and nothing has been written", async () => {
  let seen = "";
  let connected: () => void;
  const isConnected = new Promise<void>((resolve) => {
    connected = resolve;
  });
  const server = createServer((socket) => {
    connected();
    socket.on("data", (chunk) => {
      seen += chunk;
      socket.end("HTTP/1.1 204 No Content\r\n\r\n");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push({ stop: async () => void server.close() });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let seenAtHandOver = "nothing was handed over";
  await http.send({ url, body: { text: "told" } }, AbortSignal.timeout(20_000), async () => {
    await isConnected;
    // Whatever was written by now arrives before this does.
    await new Promise((resolve) => setTimeout(resolve, 50));
    seenAtHandOver = seen;
  });
  expect(seenAtHandOver).toBe("");
  expect(seen).toMatch(/^POST .*content-length: 15\r\n.*\r\n\{"text":"told"\}$/s);
});

describe("where the environment names a proxy", () => {
  afterEach(() => vi.unstubAllEnvs());
  const server = testAuthority().issue();
  const through = async (host: string, noProxy: string) => {
    const proxy = await startProxy();
    const target = createHttpsServer(server, (_request, response) => response.end()).listen(0, "127.0.0.1");
    await once(target, "listening");
    servers.push(proxy, { stop: async () => void target.close() });
    vi.stubEnv("https_proxy", proxy.url);
    vi.stubEnv("no_proxy", noProxy);
    const client = createHttpClient({ userAgent: "Watchpost/test" });
    const { port } = target.address() as AddressInfo;
    const sent = client.send({ url: `https://${host}:${port}/`, body: {} }, AbortSignal.timeout(20_000));
    const { message } = await failure(sent);
    await client.stop();
    return { message, tunnels: proxy.tunnels.map((to) => to.replace(`:${port}`, "")) };
  };

  test("HTTPS goes through it, and the certificate is looked at all the same", async () => {
    expect(await through("127.0.0.1", "")).toEqual({
      message: expect.stringMatching(/self-signed|unable to verify/),
      tunnels: ["127.0.0.1"],
    });
  });

  test("what is excepted does not", async () => {
    expect((await through("127.0.0.1", "127.0.0.1")).tunnels).toEqual([]);
  });

  test("it has not gone out when the proxy cannot be reached", async () => {
    vi.stubEnv("https_proxy", "http://127.0.0.1:1");
    const client = createHttpClient({ userAgent: "Watchpost/test" });
    const sent = client.send({ url: "https://127.0.0.1:2/", body: {} }, AbortSignal.timeout(20_000));
    expect(await failure(sent)).toMatchObject({ name: "RetryLater", mayHaveArrived: false });
    await client.stop();
  });
});

test("each message has a connection of its own, so that none goes out on one that is just being closed", async () => {
  const ports = new Set<number | undefined>();
  const url = await answering(({ socket }, response) => {
    ports.add(socket.remotePort);
    response.writeHead(204).end();
  });
  for (let n = 0; n < 3; n++) await sending(url);
  expect(ports.size).toBe(3);
});

test("what could not be kept as handed over is not sent", async () => {
  let count = 0;
  const url = await answering((_request, response) => {
    count++;
    response.writeHead(204).end();
  });
  const refusing = async () => Promise.reject(new Error("the database is away"));
  const sent = http.send({ url, body: {} }, AbortSignal.timeout(20_000), refusing);
  expect(await failure(sent)).toMatchObject({ name: "RetryLater", message: "the database is away" });
  expect(count).toBe(0);
});
