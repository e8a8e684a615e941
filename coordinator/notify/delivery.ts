import type { Job, Queue, Worker } from "bullmq";
import { DelayedError, UnrecoverableError } from "bullmq";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { QueueServer } from "../../shared/queues.ts";
import { openQueue, openWorker } from "../../shared/queues.ts";
import { backoffMs } from "../../shared/retry.ts";
import type { Metrics } from "../metrics.ts";
import type { AlertRuleStore, ChannelStore, StoredChannel } from "../store/channels.ts";
import type { Begun, Delivery, DeliveryStore } from "../store/deliveries.ts";
import { idempotentTypes } from "./channels/channel.ts";
import { GiveUp, RetryLater } from "./channels/failure.ts";
import type { HttpClient } from "./channels/http.ts";
import { createHttpClient } from "./channels/http.ts";
import { sendNotice } from "./channels/index.ts";
import { compose, remind } from "./compose.ts";
import { describe } from "./describe.ts";
import { decideDue } from "./due.ts";
import { plan, remindAgain } from "./plan.ts";

const QUEUE = "{notify}";
const LOOK_EVERY_MS = 500;
const AT_ONCE = 200;
/** A channel that does not answer within this, in ms, is tried again. */
const SEND_DEADLINE_MS = 15_000;
/** How long after a coordinator died another takes over what it was about to tell, at the most twice this; in ms. */
const LOCK_MS = 10_000;
const CONCURRENCY = 20;
/** Tries of one delivery; with the pauses between them they go on for about two hours. */
const MAX_TRIES = 25;
const RETRY = { baseMs: 2_000, capMs: 600_000 };
const REPETITION = "You may have this already: no answer came when it was sent before.";
const UNCERTAIN = "a coordinator ended while it sent this: it may have arrived";
/** A job that was handed over this long ago and has not ended, in ms, may be lost with its queue. */
const HANDED_OVER_MS = 20_000;
const RECOVER_EVERY_MS = 10_000;

/**
 * Brings what the outbox holds to people: outbox → planned deliveries (who, when) →
 * a BullMQ queue → the channel. Each step is kept in PostgreSQL before the next, under
 * an id that follows from what is told to whom, so that a coordinator that is killed
 * leaves nothing out and tells nothing twice. That a message goes out is kept once there
 * is a connection, right before its first byte. Whoever finds that, and not what came of
 * it, sends it again where the channel knows a repeated one; elsewhere it is left as
 * `uncertain` for a person to decide, and what else the rules want goes on. What a
 * living coordinator gets no answer to is sent again, and says that it may be a repetition.
 */
export interface Notifier extends Part {
  /** Has it looked for something to do now. */
  wake(): void;
}

type DeliveryJob = { readonly deliveryId: string };

export function createNotifier({
  deliveries,
  channels,
  rules,
  queueServer,
  commands,
  publicUrl,
  version,
  metrics,
  clock,
  logger,
}: {
  readonly deliveries: DeliveryStore;
  readonly channels: ChannelStore;
  readonly rules: AlertRuleStore;
  readonly queueServer: QueueServer;
  /** The executables that channels may run. */
  readonly commands: readonly string[];
  readonly publicUrl: string | null;
  readonly version: string;
  readonly metrics: Pick<Metrics, "deliveries">;
  readonly clock: Clock;
  readonly logger: Logger;
}): Notifier {
  const http = createHttpClient({ userAgent: `Watchpost/${version}`, now: () => clock.now() });
  let queue: Queue<DeliveryJob, void, string> | undefined;
  let worker: Worker<DeliveryJob, void, string> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let working: Promise<void> | undefined;
  let again = false;
  let recoveredAt = Number.NEGATIVE_INFINITY;

  async function route(): Promise<void> {
    const planEntry: Parameters<DeliveryStore["route"]>[1] = (entry, known) => {
      const { monitor } = entry;
      const content = compose(
        { ...entry, monitor: monitor && { ...describe(monitor.spec), id: monitor.id, verdict: monitor.verdict } },
        publicUrl,
      );
      const traits = monitor && { id: monitor.id, type: monitor.spec.type, tags: monitor.spec.tags };
      return { content, planned: plan(content, traits, known, entry.hearers) };
    };
    while ((await deliveries.route(AT_ONCE, planEntry)) === AT_ONCE);
  }

  async function dispatch(): Promise<void> {
    for (;;) {
      const ready = await deliveries.dispatch(AT_ONCE, (due) => decideDue(due, clock.now()));
      await enqueue(ready);
      if (ready.length < AT_ONCE) return;
    }
  }

  async function enqueue(ids: readonly string[]): Promise<void> {
    if (ids.length === 0 || !queue) return;
    await queue.addBulk(
      ids.map((deliveryId) => ({
        name: "deliver",
        data: { deliveryId },
        opts: { jobId: `n-${deliveryId}`, removeOnComplete: true, removeOnFail: true },
      })),
    );
  }

  /** Hands over again what the queue may have lost; what it has not lost it knows by its id. */
  async function recover(): Promise<void> {
    if (clock.monotonic() - recoveredAt < RECOVER_EVERY_MS) return;
    recoveredAt = clock.monotonic();
    await enqueue(await deliveries.queuedBefore(HANDED_OVER_MS));
  }

  async function work(): Promise<void> {
    do {
      again = false;
      for (const act of [route, dispatch, recover]) {
        // What keeps one from being done does not keep the others.
        await act().catch((thrown) => logger.warn({ reason: errorText(thrown) }, "Notices could not be worked on"));
      }
    } while (again);
  }

  function wake(): void {
    again = true;
    working ??= work().finally(() => {
      working = undefined;
    });
  }

  async function deliver(job: Job<DeliveryJob, void, string>, token: string | undefined): Promise<void> {
    const delivery = await deliveries.begin(job.data.deliveryId);
    if (!delivery) return;
    const channel = await channels.get(delivery.channelId);
    if (channel && delivery.isAbandoned && !idempotentTypes.has(channel.type)) {
      await leaveUncertain(delivery, channel);
      return;
    }
    try {
      if (!channel?.enabled) throw new GiveUp("the channel is switched off");
      await send(channel, delivery);
    } catch (thrown) {
      await onFailure(job, token, delivery, channel?.type ?? "gone", thrown);
      return;
    }
    await deliveries.end(delivery.id, "sent", null, await following(delivery));
    metrics.deliveries.inc({ type: channel.type, outcome: "sent" });
    logger.info({ delivery: delivery.id, channel: channel.name, event: delivery.event }, "People were told");
  }

  async function send(channel: StoredChannel, { id, content, isInDoubt }: Begun): Promise<void> {
    const isRepetition = isInDoubt && !idempotentTypes.has(channel.type);
    const told = isRepetition ? { ...content, lines: [...content.lines, REPETITION] } : content;
    const onHandOver = () => deliveries.handOver(id);
    const client: HttpClient = { ...http, send: (request, signal) => http.send(request, signal, onHandOver) };
    const signal = AbortSignal.timeout(SEND_DEADLINE_MS);
    const context = { http: client, commands, signal, now: clock.now(), onHandOver };
    await sendNotice(channel.type, channels.open(channel), told, context);
  }

  async function leaveUncertain(delivery: Delivery, { type, name }: StoredChannel): Promise<void> {
    await deliveries.end(delivery.id, "uncertain", UNCERTAIN, await following(delivery));
    metrics.deliveries.inc({ type, outcome: "uncertain" });
    logger.warn(
      { delivery: delivery.id, channel: name, event: delivery.event },
      "It is not known whether people were told",
    );
  }

  async function onFailure(
    job: Job<DeliveryJob, void, string>,
    token: string | undefined,
    delivery: Begun,
    type: string,
    thrown: unknown,
  ): Promise<void> {
    const reason = errorText(thrown);
    const isLast = !(thrown instanceof RetryLater) || delivery.attempts >= MAX_TRIES;
    metrics.deliveries.inc({ type, outcome: isLast ? "failed" : "retried" });
    logger.warn({ delivery: delivery.id, attempt: delivery.attempts, isLast, reason }, "People could not be told");
    if (isLast) {
      await deliveries.end(delivery.id, "failed", reason, null);
      throw new UnrecoverableError(reason);
    }
    await deliveries.keepError(delivery.id, reason, thrown.mayHaveArrived || delivery.isInDoubt);
    const pauseMs = thrown.retryAfterMs ?? backoffMs(delivery.attempts - 1, RETRY);
    await job.moveToDelayed(Math.ceil(Date.now() + pauseMs), token);
    throw new DelayedError();
  }

  async function following(delivery: Delivery) {
    const rule = delivery.ruleId === "" ? null : await rules.get(delivery.ruleId);
    const { content } = delivery;
    const planned = remindAgain(delivery, rule ?? undefined, delivery.event, content.severity, clock.now());
    return planned && { planned, content: remind(content, planned.repeat, planned.id, planned.dueAt) };
  }

  return {
    wake,
    async start() {
      queue = openQueue<DeliveryJob>(QUEUE, { server: queueServer, logger, leastPrivilege: false });
      worker = openWorker<DeliveryJob>(QUEUE, deliver, {
        server: queueServer,
        logger,
        leastPrivilege: false,
        concurrency: CONCURRENCY,
        lockDurationMs: LOCK_MS,
        stalledIntervalMs: LOCK_MS / 2,
        maxStalledCount: 1_000,
      });
      worker.run().catch((thrown) => logger.error({ reason: errorText(thrown) }, "The notifier's worker ended"));
      timer = setInterval(wake, LOOK_EVERY_MS);
      wake();
    },
    async stop() {
      clearInterval(timer);
      await working;
      await worker?.close();
      await queue?.close();
      await http.stop();
    },
  };
}
