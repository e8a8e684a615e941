import { setMaxListeners } from "node:events";
import type { Job, Queue, Worker } from "bullmq";
import { DelayedError } from "bullmq";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { QueueServer } from "../../shared/queues.ts";
import { openQueue, openWorker } from "../../shared/queues.ts";
import { backoffMs, retryUntil } from "../../shared/retry.ts";
import type { Metrics } from "../metrics.ts";
import type { AlertRuleStore, ChannelStore, StoredChannel } from "../store/channels.ts";
import type { Delivery, DeliveryStore, QueuedDelivery } from "../store/deliveries.ts";
import { idempotentTypes } from "./channels/channel.ts";
import { GiveUp, RetryLater } from "./channels/failure.ts";
import type { HttpClient } from "./channels/http.ts";
import { createHttpClient } from "./channels/http.ts";
import { sendNotice } from "./channels/index.ts";
import { compose, remind } from "./compose.ts";
import { describe } from "./describe.ts";
import { decideDue } from "./due.ts";
import { startDeadline } from "./patience.ts";
import { plan, remindAgain } from "./plan.ts";
import { createTurns } from "./turns.ts";

const QUEUE = "{notify}";
const LOOK_EVERY_MS = 500;
const AT_ONCE = 200;
/** A channel that cannot be reached within this, in ms, is tried again. */
const REACH_MS = 30_000;
/** When the notifier stops, what is under way has this long to end, in ms. */
const STOP_MS = 3_000;
/** How long after a coordinator died another takes over what it was about to tell, at the most twice this; in ms. */
const LOCK_MS = 10_000;
const CONCURRENCY = 100;
/** No channel has more of them at a time: one that hangs must not hold up the others. */
const CONCURRENCY_PER_CHANNEL = 10;
/** How long what is one too many for its channel waits. */
const BUSY = { baseMs: 1_000, capMs: 1_000 };
/** Tries of one delivery; with the pauses between them they go on for about two hours. */
const MAX_TRIES = 25;
const RETRY = { baseMs: 2_000, capMs: 600_000 };
/** For as long as that it is tried to keep what came of a try. */
const KEEP = { baseMs: 200, capMs: 5_000, deadlineMs: 900_000 };
const ABANDONED = "a coordinator ended while it sent this: it may have arrived";
/** What was marked as queued this long ago, in ms, is in the queue, unless who marked it died before handing it over. */
const MARKED_MS = 1_000;
/** What was handed over this long ago and has not ended, in ms, may be lost with its queue. */
const HANDED_OVER_MS = 20_000;
const RECOVER_EVERY_MS = 10_000;

/**
 * Brings what the outbox holds to people: outbox → planned deliveries (who, when) →
 * a BullMQ queue → the channel. Each step is kept in PostgreSQL before the next, under
 * an id that follows from what is told to whom, so that a coordinator that is killed
 * leaves nothing out and tells nothing twice. That a message goes out is kept once there
 * is a connection, right before its first byte. Where no answer came of it, be it that the
 * channel gave none or that the coordinator died, it is sent again only if the channel
 * knows a repeated one. Elsewhere it ends as `uncertain`: it was told at most once, and
 * a reminder follows soon if the trouble lasts.
 */
export interface Notifier extends Part {
  /** Has it looked for something to do now. */
  wake(): void;
}

type DeliveryJob = { readonly deliveryId: string; readonly channelId: string };
type Outcome = "sent" | "failed" | "uncertain";

const words: Readonly<Record<Outcome | "retried", string>> = {
  sent: "People were told",
  failed: "People could not be told",
  uncertain: "It is not known whether people were told",
  retried: "People could not be told yet",
};

export function createNotifier({
  deliveries,
  channels,
  rules,
  queueServer,
  commands,
  answerMs,
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
  /** How long a channel may take to answer a message that is out, in ms. */
  readonly answerMs: number;
  readonly publicUrl: string | null;
  readonly version: string;
  readonly metrics: Pick<Metrics, "deliveries">;
  readonly clock: Clock;
  readonly logger: Logger;
}): Notifier {
  const http = createHttpClient({ userAgent: `Watchpost/${version}`, now: () => clock.now() });
  const turns = createTurns(CONCURRENCY_PER_CHANNEL);
  const stopping = new AbortController();
  setMaxListeners(CONCURRENCY, stopping.signal);
  let queue: Queue<DeliveryJob, void, string> | undefined;
  let worker: Worker<DeliveryJob, void, string> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let working: Promise<void> | undefined;
  let again = false;
  let markedUntil = Number.NEGATIVE_INFINITY;
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
      const ready = await deliveries.dispatch(AT_ONCE, (due, known) => decideDue(due, known, clock.now()));
      await enqueue(ready);
      if (ready.length < AT_ONCE) return;
    }
  }

  async function enqueue(queued: readonly QueuedDelivery[]): Promise<void> {
    if (queued.length === 0 || !queue) return;
    await queue.addBulk(
      queued.map(({ id, channelId }) => ({
        name: "deliver",
        data: { deliveryId: id, channelId },
        opts: { jobId: `n-${id}`, removeOnComplete: true, removeOnFail: true },
      })),
    );
  }

  /** Hands over what somebody marked as queued and may have died before handing over: once or twice, soon after it was marked. */
  async function finish(): Promise<void> {
    const now = clock.monotonic();
    if (now - markedUntil < MARKED_MS) return;
    const maxAgeMs = Math.min(HANDED_OVER_MS, now - markedUntil + 2 * MARKED_MS);
    await enqueueAgain({ minAgeMs: MARKED_MS, maxAgeMs, states: "queued" });
    markedUntil = now;
  }

  /** Hands over again what the queue may have lost. */
  async function recover(): Promise<void> {
    const now = clock.monotonic();
    if (now - recoveredAt < RECOVER_EVERY_MS) return;
    recoveredAt = now;
    await enqueueAgain({ minAgeMs: HANDED_OVER_MS, maxAgeMs: null, states: "queued or sending" });
  }

  /** What the queue has, waiting, delayed or under way, it knows by its id; what has ended by now is not begun again. */
  async function enqueueAgain(which: Parameters<DeliveryStore["inQueue"]>[0]): Promise<void> {
    for (let behind = ""; ; ) {
      const some = await deliveries.inQueue(which, behind, AT_ONCE);
      await enqueue(some);
      if (some.length < AT_ONCE) return;
      behind = some.at(-1)?.id ?? "";
    }
  }

  async function work(): Promise<void> {
    do {
      again = false;
      for (const act of [route, dispatch, finish, recover]) {
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
    const giveBack = turns.take(job.data.channelId);
    let pauseMs: number | null;
    try {
      pauseMs = giveBack ? await tryOnce(job.data.deliveryId) : backoffMs(0, BUSY);
    } finally {
      giveBack?.();
    }
    if (pauseMs === null) return;
    await job.moveToDelayed(Math.ceil(Date.now() + pauseMs), token);
    throw new DelayedError();
  }

  /** @returns how long to wait before the next try, in ms; null when there is to be none. */
  async function tryOnce(deliveryId: string): Promise<number | null> {
    const delivery = await deliveries.begin(deliveryId);
    if (!delivery) return null;
    const channel = await channels.get(delivery.channelId);
    if (channel && delivery.isAbandoned && !idempotentTypes.has(channel.type)) {
      return await conclude(delivery, channel, "uncertain", ABANDONED);
    }
    try {
      if (!channel?.enabled) throw new GiveUp("the channel is switched off");
      await send(channel, delivery);
    } catch (thrown) {
      return await afterFailure(delivery, channel, thrown);
    }
    return await conclude(delivery, channel, "sent", null);
  }

  async function send(channel: StoredChannel, { id, message }: Delivery): Promise<void> {
    const deadline = startDeadline({ reachMs: REACH_MS, answerMs }, stopping.signal);
    const onHandOver = async () => {
      await deliveries.handOver(id);
      deadline.handOver();
    };
    const client: HttpClient = { ...http, send: (request, signal) => http.send(request, signal, onHandOver) };
    const context = { http: client, commands, signal: deadline.signal, now: clock.now(), onHandOver };
    await sendNotice(channel.type, channels.open(channel), message, context).finally(deadline.clear);
  }

  async function afterFailure(
    delivery: Delivery,
    channel: StoredChannel | null,
    thrown: unknown,
  ): Promise<number | null> {
    const reason = errorText(thrown);
    if (!(thrown instanceof RetryLater)) return await conclude(delivery, channel, "failed", reason);
    if (thrown.mayHaveArrived && channel && !idempotentTypes.has(channel.type)) {
      return await conclude(delivery, channel, "uncertain", `${reason}: it may have arrived`);
    }
    if (delivery.attempts >= MAX_TRIES) return await conclude(delivery, channel, "failed", reason);
    await keep(() => deliveries.keepError(delivery.id, reason));
    report(delivery, channel, "retried", reason);
    return thrown.retryAfterMs ?? backoffMs(delivery.attempts - 1, RETRY);
  }

  async function conclude(
    delivery: Delivery,
    channel: StoredChannel | null,
    outcome: Outcome,
    reason: string | null,
  ): Promise<null> {
    await keep(async () => {
      await deliveries.end(delivery.id, outcome, reason, await following(delivery, outcome !== "uncertain"));
    });
    report(delivery, channel, outcome, reason);
    return null;
  }

  /** Who knows what came of a try keeps at it while PostgreSQL is away: nobody else can find out. */
  const keep = (work: () => Promise<void>): Promise<void> =>
    work().catch((thrown) => {
      logger.warn({ reason: errorText(thrown) }, "What came of a message could not be kept yet");
      return retryUntil(work, { ...KEEP, signal: stopping.signal });
    });

  function report(
    { id, event, attempts }: Delivery,
    channel: StoredChannel | null,
    outcome: Outcome | "retried",
    reason: string | null,
  ): void {
    metrics.deliveries.inc({ type: channel?.type ?? "gone", outcome });
    const facts = { delivery: id, channel: channel?.name, event, attempt: attempts };
    if (reason === null) logger.info(facts, words[outcome]);
    else logger.warn({ ...facts, reason }, words[outcome]);
  }

  /** What follows a message, and each that was made one with it. */
  async function following({ ruleId }: Delivery, isHeard: boolean): Promise<Parameters<DeliveryStore["end"]>[3]> {
    const rule = ruleId === "" ? null : await rules.get(ruleId);
    return (told) => {
      const planned = remindAgain(told, rule ?? undefined, told.content, clock.now(), isHeard);
      return planned && { planned, content: remind(told.content, planned, isHeard) };
    };
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
      const patience = setTimeout(() => stopping.abort(), STOP_MS);
      await worker?.close().finally(() => clearTimeout(patience));
      await queue?.close();
      await http.stop();
    },
  };
}
