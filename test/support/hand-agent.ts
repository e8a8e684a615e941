import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "bullmq";
import type { AgentLoad } from "../../shared/agent-message.ts";
import type { Check, CheckBatch } from "../../shared/check.ts";
import { newId } from "../../shared/id.ts";
import { HEARTBEAT_MS } from "../../shared/link.ts";
import { createLogger } from "../../shared/logger.ts";
import { checksQueueName, openQueue, openWorker, resultsQueueName } from "../../shared/queues.ts";
import type { Result, ResultBatch } from "../../shared/result.ts";
import { idle, openAgentLink } from "./agent-link.ts";
import type { TestCoordinator } from "./coordinator.ts";

/**
 * An agent that the test plays by hand: it is linked and takes checks, makes none
 * of them, and sends the results that the test makes up.
 */
export interface HandAgent {
  readonly id: string;
  readonly region: string;
  /** Every check taken so far, in the order of arrival. */
  readonly checks: readonly Check[];
  /** Sends a payload through the region's results queue, as it is. */
  send(payload: unknown): Promise<void>;
  /** Sends a good result of a check, or one for each set of changes to it. */
  answer(check: Check, ...results: Array<Partial<Result>>): Promise<void>;
  /** Ends the link and leaves the queues as they are. */
  cutLink(): void;
  stop(): Promise<void>;
}

export async function startHandAgent(
  { url, queueServer }: TestCoordinator,
  region: string,
  {
    confirms = true,
    finds,
    load = () => idle,
  }: {
    /** Whether a check that is asked for because the verdict is in doubt finds what the test said last. */
    readonly confirms?: boolean;
    /** Answers every check by itself, at its instant, with what this finds. */
    readonly finds?: (check: Check) => Partial<Result>;
    /** What it says of itself with every heartbeat. */
    readonly load?: () => AgentLoad;
  } = {},
): Promise<HandAgent> {
  const id = newId("agt");
  const logger = createLogger({ level: "silent", name: "hand" });
  const access = { server: queueServer, logger, leastPrivilege: true };
  const checks: Check[] = [];
  /** What was found of each monitor last. */
  const said = new Map<string, { readonly scheduledAt: number; readonly found: Partial<Result> }>();
  const worker: Worker<CheckBatch, void, string> = openWorker<CheckBatch>(
    checksQueueName(region),
    async (job) => {
      checks.push(...job.data.checks);
      if (finds) {
        await Promise.all(
          job.data.checks.map(async (check) => {
            await sleep(Math.max(0, check.scheduledAt - Date.now()));
            await answer(check, finds(check));
          }),
        );
        return;
      }
      for (const check of job.data.checks) {
        const told = said.get(check.monitorId);
        if (confirms && told && check.scheduledAt > told.scheduledAt && check.attempt > 0)
          await answer(check, told.found);
      }
    },
    { ...access, concurrency: 10, lockDurationMs: 5_000, stalledIntervalMs: 2_000 },
  );
  void worker.run();
  const results = openQueue<ResultBatch>(resultsQueueName(region), access);

  const link = await openAgentLink(url);
  link.send(JSON.stringify({ type: "hello", v: 1, agentId: id, region, version: "0", host: "here", node: "20" }));
  await once(link, "message");
  const beat = setInterval(() => link.send(JSON.stringify({ type: "heartbeat", load: load() })), HEARTBEAT_MS);

  const cutLink = () => {
    clearInterval(beat);
    link.terminate();
  };

  const send = async (payload: unknown) => void (await results.add("results", payload as ResultBatch));
  const answer = (check: Check, ...found: Array<Partial<Result>>) => {
    const variants = found.length === 0 ? [{}] : found;
    said.set(check.monitorId, { scheduledAt: check.scheduledAt, found: verdictOf(variants.at(-1) ?? {}) });
    return send({
      v: 1,
      agentId: id,
      misses: [],
      results: variants.map((changes) => ({ ...aResult(check), ...changes })),
    });
  };
  return {
    id,
    region,
    checks,
    send,
    answer,
    cutLink,
    async stop() {
      cutLink();
      await Promise.all([worker.close(true), results.close()]);
    },
  };
}

/** The part of a result that another check would find as well. */
function verdictOf({
  status,
  error,
  latencyMs,
  phases,
  statusCode,
  failedAssertions,
}: Partial<Result>): Partial<Result> {
  const found = { status, error, latencyMs, phases, statusCode, failedAssertions };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** A good result of a check. */
export function aResult({ monitorId, round, attempt, scheduledAt }: Check): Result {
  return {
    monitorId,
    round,
    attempt,
    scheduledAt,
    startedAt: scheduledAt + 1,
    latenessMs: 1,
    status: "up",
    latencyMs: 12.5,
    phases: { connectMs: 12.5 },
    statusCode: null,
    address: "127.0.0.1",
    bodyBytes: null,
    error: null,
    failedAssertions: [],
  };
}
