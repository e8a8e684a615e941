import type { IncomingMessage, ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { startTestCoordinator } from "../../support/coordinator.ts";
import { serveHttp } from "../../support/http-server.ts";
import { startRelay } from "../../support/relay.ts";
import { until } from "../../support/until.ts";

/** What the receiver got, and what it does with what it gets. */
const received: Array<{ readonly path: string; readonly id: string | undefined }> = [];
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const takes: typeof answer = (_request, response) => void response.writeHead(200).end("ok");
const silent: typeof answer = () => undefined;

/** One coordinator that only answers the API; those that tell people come and go. */
let api: TestCoordinator;
let place: string;
const closers: Array<() => Promise<unknown>> = [];

beforeAll(async () => {
  const receiver = await serveHttp(async (request, response) => {
    for await (const _ of request);
    received.push({ path: request.url ?? "", id: request.headers["webhook-id"]?.toString() });
    answer(request, response);
  });
  closers.push(receiver.stop);
  place = receiver.url;
  api = await startTestCoordinator("redis", { roles: ["api"] });
  closers.push(api.stop);
});
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});
beforeEach(() => {
  received.length = 0;
  answer = takes;
});
afterEach(async () => {
  // With all that is still to go through them.
  for (const { id } of (await api.call("GET", "/v1/channels")).body.data)
    await api.call("DELETE", `/v1/channels/${id}`);
});

const notifier = (changes: Parameters<TestCoordinator["another"]>[0] = {}) =>
  api.another({ roles: ["notify"], ...changes });

async function channel(name: string, type: "slack" | "webhook" = "slack"): Promise<string> {
  const secrets = type === "webhook" && { secrets: [`whsec_${Buffer.alloc(32, 7).toString("base64")}`] };
  const settings = { url: `${place}/${name}`, ...secrets };
  const { status, body } = await api.call("POST", "/v1/channels", { name, type, settings });
  expect(status, JSON.stringify(body)).toBe(201);
  return body.id;
}

const tell = async (id: string): Promise<string> =>
  (await api.call("POST", `/v1/channels/${id}/test`, {})).body.deliveryId;
const delivery = async (id: string) => (await api.call("GET", `/v1/deliveries/${id}`)).body;
const ended = (id: string) =>
  until(
    () => delivery(id),
    ({ endedAt }) => endedAt !== null,
  );
const heard = (path: string, count = 1) =>
  until(
    () => received.filter((one) => one.path === `/${path}`),
    ({ length }) => length >= count,
  );

test("without an answer in time it is told once, and again only where a repetition is known", async () => {
  answer = silent;
  const running = await notifier({ channelTimeoutS: 2 });
  const [chat, hook] = await Promise.all([channel("chat"), channel("hook", "webhook")]);
  const [toChat, toHook] = await Promise.all([tell(chat), tell(hook)]);
  expect(await ended(toChat)).toMatchObject({
    state: "uncertain",
    attempts: 1,
    lastError: "no answer within the deadline: it may have arrived",
  });
  const [first, again] = await heard("hook", 2);
  expect(again?.id).toBe(first?.id);
  answer = takes;
  expect((await ended(toHook)).state).toBe("sent");
  expect(await heard("chat")).toHaveLength(1);
  await running.stop();
});

test("a channel that hangs does not hold up the others", async () => {
  answer = (request, response) => (request.url === "/hangs" ? silent : takes)(request, response);
  const running = await notifier();
  const [hanging, well] = await Promise.all([channel("hangs"), channel("well")]);
  await Promise.all(Array.from({ length: 120 }, () => tell(hanging)));
  await heard("hangs", 10);
  await tell(well);
  await heard("well");
  await running.stop();
}, 90_000);

test("who stops while a channel is silent keeps that it may have arrived", async () => {
  answer = silent;
  const running = await notifier();
  const told = await tell(await channel("last"));
  await heard("last");
  await running.stop();
  expect(await delivery(told)).toMatchObject({ state: "uncertain", attempts: 1 });
});

test("an answer is kept as soon as PostgreSQL is back, and nothing is sent again", async () => {
  const relay = await startRelay(api.databaseUrl);
  closers.push(relay.stop);
  const running = await notifier({ databaseUrl: relay.url });
  const hook = await channel("away", "webhook");
  answer = (request, response) => {
    relay.cut();
    takes(request, response);
  };
  const told = await tell(hook);
  await heard("away");
  const refusedBefore = relay.refused();
  await until(relay.refused, (count) => count > refusedBefore + 1);
  relay.mend();
  expect(await ended(told)).toMatchObject({ state: "sent", attempts: 1 });
  expect(received).toHaveLength(1);
  await running.stop();
});
