import { afterAll, beforeAll, expect, test } from "vitest";
import { adminToken } from "../../support/coordinator.ts";
import type { CoordinatorProcess } from "../../support/coordinator-process.ts";
import { startCoordinatorProcess } from "../../support/coordinator-process.ts";
import { serveHttp } from "../../support/http-server.ts";
import { testClickHouse, testDatabase, testQueueServer } from "../../support/shared-servers.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { until } from "../../support/until.ts";

const received: Array<{ readonly path: string; readonly id: string | undefined; readonly body: string }> = [];
/** Whether the receiver answers what it gets, says nothing, or breaks the connection. */
let manner: "answers" | "is silent" | "breaks off" = "is silent";
const closers: Array<() => Promise<unknown>> = [];
let start: () => Promise<CoordinatorProcess>;
let place: string;

const call = async ({ url }: CoordinatorProcess, method: string, path: string, body?: object): Promise<any> => {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return await response.json();
};

beforeAll(async () => {
  const [postgres, clickhouse, queues] = await Promise.all([
    testDatabase(),
    testClickHouse(),
    testQueueServer("redis"),
  ]);
  closers.push(() => Promise.all([postgres.stop(), clickhouse.stop(), queues.stop()]));
  const receiver = await serveHttp(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const id = request.headers["webhook-id"]?.toString();
    received.push({ path: request.url ?? "", id, body: String(Buffer.concat(chunks)) });
    if (manner === "answers") response.writeHead(200).end("ok");
    if (manner === "breaks off") request.socket.destroy();
  });
  closers.push(receiver.stop);
  place = receiver.url;
  start = async () => {
    const data = await tempDir();
    const program = await startCoordinatorProcess(
      { databaseUrl: postgres.url, clickhouseUrl: clickhouse.url, queueServer: queues.server, dataDir: data.path },
      { LOG_LEVEL: "warn" },
    );
    closers.push(data.remove, () => program.end("SIGKILL"));
    return program;
  };
});
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

test("killed when a message is out and not answered: sent again where it is known as the same, else left to people", async () => {
  const first = await start();
  const secrets = [`whsec_${Buffer.alloc(32, 7).toString("base64")}`];
  const channels = [
    { name: "hook", type: "webhook", settings: { url: `${place}/hook`, secrets } },
    { name: "chat", type: "slack", settings: { url: `${place}/chat` } },
  ];
  const [hook, chat] = await Promise.all(
    channels.map(async (channel) => {
      const { id } = await call(first, "POST", "/v1/channels", channel);
      return (await call(first, "POST", `/v1/channels/${id}/test`, {})).deliveryId as string;
    }),
  );
  await until(
    () => received.length,
    (count) => count === 2,
  );
  await first.end("SIGKILL");
  manner = "answers";

  const second = await start();
  const delivery = (id: string | undefined) => call(second, "GET", `/v1/deliveries/${id}`);
  const ended = (id: string | undefined) =>
    until(
      () => delivery(id),
      ({ endedAt }) => endedAt !== null,
      { withinMs: 45_000, everyMs: 200 },
    );
  expect(await ended(hook)).toMatchObject({ state: "sent", attempts: 2 });
  expect(await ended(chat)).toMatchObject({ state: "uncertain", lastError: expect.stringMatching(/may have arrived/) });
  const to = (path: string) => received.filter((one) => one.path === path);
  expect(to("/hook").map(({ id }) => id)).toEqual([hook, hook]);
  expect(to("/chat")).toHaveLength(1);

  await call(second, "POST", `/v1/deliveries/${chat}/retry`, {});
  await until(
    () => delivery(chat),
    ({ state }) => state === "sent",
  );
  expect(to("/chat")).toHaveLength(2);

  // Who is alive and gets no answer does the same.
  manner = "breaks off";
  await Promise.all(
    (await call(second, "GET", "/v1/channels")).data.map(({ id }: any) =>
      call(second, "POST", `/v1/channels/${id}/test`, {}),
    ),
  );
  await until(
    () => received.length,
    (count) => count === 6,
  );
  manner = "answers";
  await until(
    () => received.length,
    (count) => count === 7,
  );
  expect(to("/hook").at(-1)?.id).toBe(to("/hook").at(-2)?.id);
  await until(
    () => call(second, "GET", "/v1/deliveries?state=uncertain"),
    ({ data }) => data.length === 1,
  );
  expect(to("/chat")).toHaveLength(3);
}, 90_000);
