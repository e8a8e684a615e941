import type { ServerResponse } from "node:http";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createLogger } from "../../../shared/logger.ts";
import { openQueue } from "../../../shared/queues.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { startTestCoordinator } from "../../support/coordinator.ts";
import { serveHttp } from "../../support/http-server.ts";
import { queueKinds } from "../../support/shared-servers.ts";
import { until } from "../../support/until.ts";

/**
 * A delivery is marked as queued in one transaction and handed to the queue after it. Who dies between the two leaves
 * it marked and in no queue, as these tests do; others hand it over, and know of nobody whether he died.
 */
describe.each(queueKinds)("what is marked as queued, with the queue on %s", (kind) => {
  const received: Array<string | undefined> = [];
  let answer: (response: ServerResponse) => void;
  const takes = (response: ServerResponse) => void response.writeHead(204).end();
  let api: TestCoordinator;
  let database: Client;
  let queue: ReturnType<typeof openQueue<{ deliveryId: string; channelId: string }>>;
  let channelId: string;
  let content: unknown;
  const closers: Array<() => Promise<unknown>> = [];
  const notifiers: TestCoordinator[] = [];

  beforeAll(async () => {
    const receiver = await serveHttp(async (request, response) => {
      for await (const _ of request);
      received.push(request.headers["webhook-id"]?.toString());
      answer(response);
    });
    closers.push(receiver.stop);
    api = await startTestCoordinator(kind, { roles: ["api"] });
    closers.push(api.stop);
    database = new Client({ connectionString: api.databaseUrl });
    await database.connect();
    closers.push(() => database.end());
    const logger = createLogger({ name: "test", level: "silent" });
    queue = openQueue("{notify}", { server: api.queueServer, logger, leastPrivilege: false });
    closers.push(() => queue.close());
    const settings = { url: receiver.url, secrets: [`whsec_${Buffer.alloc(32, 7).toString("base64")}`] };
    channelId = (await api.call("POST", "/v1/channels", { name: "hook", type: "webhook", settings })).body.id;
    await api.call("POST", `/v1/channels/${channelId}/test`, {});
    content = (await database.query("DELETE FROM deliveries RETURNING content")).rows[0].content;
  });
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
  });
  beforeEach(() => {
    received.length = 0;
    answer = takes;
  });
  afterEach(async () => {
    await Promise.all(notifiers.splice(0).map((one) => one.stop()));
  });

  const notifier = async () => void notifiers.push(await api.another({ roles: ["notify"] }));
  /** As who dies between the two leaves it. */
  async function mark(agoS = 0): Promise<string> {
    const { rows } = await database.query<{ id: string }>(
      `INSERT INTO deliveries (id, channel_id, event, content, due_at, state, queued_at)
       SELECT id, $1, 'test', $2::jsonb || jsonb_build_object('id', id), now(), 'queued', now() - make_interval(secs => $3)
       FROM (SELECT 'dlv_' || gen_random_uuid() AS id) AS made RETURNING id`,
      [channelId, JSON.stringify(content), agoS],
    );
    return rows[0]?.id ?? "";
  }
  const jobOf = (id: string) => queue.getJob(`n-${id}`);
  /** As who is alive hands it over, however late. */
  const handOver = (id: string) =>
    queue.addBulk([
      {
        name: "deliver",
        data: { deliveryId: id, channelId },
        opts: { jobId: `n-${id}`, removeOnComplete: true, removeOnFail: true },
      },
    ]);
  const countOf = (id: string) => received.filter((one) => one === id).length;
  /** Sooner than what the queue may have lost is handed over again. */
  const soon = { withinMs: 15_000 };
  const isHeard = (id: string) => until(() => countOf(id), Boolean, soon);
  const become = (id: string, state: string) =>
    until(
      async () => (await api.call("GET", `/v1/deliveries/${id}`)).body,
      (delivery) => delivery.state === state,
      soon,
    );
  const hasLeft = (id: string) =>
    until(
      () => jobOf(id),
      (job) => !job,
      soon,
    );

  test("is told soon, by who starts and by who is there", async () => {
    const before = await mark(2);
    await notifier();
    await become(before, "sent");
    const after = await mark();
    await become(after, "sent");
    expect(received).toEqual([before, after]);
  });

  test("is told once though two hand it over: while it is under way, and when it is sent", async () => {
    let finish: () => void = () => undefined;
    answer = (response) => {
      finish = () => takes(response);
    };
    await notifier();
    const id = await mark();
    await isHeard(id);
    await handOver(id);
    finish();
    expect(await become(id, "sent")).toMatchObject({ attempts: 1 });
    await hasLeft(id);
    await handOver(id);
    await hasLeft(id);
    expect(await become(id, "sent")).toMatchObject({ attempts: 1 });
    expect(received).toEqual([id]);
  });

  test("is not tried again when it has failed", async () => {
    answer = (response) => void response.writeHead(400).end();
    await notifier();
    const id = await mark();
    await become(id, "failed");
    await hasLeft(id);
    await handOver(id);
    await hasLeft(id);
    expect(await become(id, "failed")).toMatchObject({ attempts: 1 });
    expect(received).toEqual([id]);
  });

  test("waits for its next try as long as before", async () => {
    answer = (response) => void response.writeHead(503, { "retry-after": "3600" }).end();
    await notifier();
    const id = await mark();
    await isHeard(id);
    await until(
      () => jobOf(id),
      async (job) => await job?.isDelayed(),
      soon,
    );
    // What was read just before it was delayed knows of no delay.
    const delayed = await jobOf(id);
    await handOver(id);
    // And as who starts hands it over, with another that nobody has handed over.
    answer = takes;
    await database.query("UPDATE deliveries SET queued_at = now() - interval '1 hour' WHERE id = $1", [id]);
    const other = await mark(3_600);
    await notifier();
    await become(other, "sent");
    const job = await jobOf(id);
    expect(await job?.isDelayed()).toBe(true);
    expect(job?.delay).toBe(delayed?.delay);
    expect(await become(id, "queued")).toMatchObject({ attempts: 1 });
    expect(received).toEqual([id, other]);
  });
});
