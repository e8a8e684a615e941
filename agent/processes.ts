import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ConfigError } from "../shared/errors.ts";
import { leanNode } from "../shared/lean-node.ts";
import type { Part } from "../shared/lifecycle.ts";
import { createLogger } from "../shared/logger.ts";
import { backoffMs } from "../shared/retry.ts";
import { createSupervised } from "../shared/supervised.ts";
import type { Supervisor } from "../shared/systemd.ts";
import { withoutSystemd } from "../shared/systemd.ts";
import { type AgentConfig, agentSettings, MAX_PROCESSES } from "./config.ts";
import { ALIVE, PATIENCE_MS } from "./parent.ts";

const RESTART = { baseMs: 500, capMs: 30_000 };
/** A process that ran this long, in ms, was well: the next pause is the shortest again. */
const WELL_MS = 60_000;
/** An agent drains in less; what has not stopped by then is killed. */
const STOP_DEADLINE_MS = 20_000;

/** How an agent's process is started by another one. */
export interface AgentProgram {
  /** The file of the program's main module; of an executable that has it inside, the command that runs an agent. */
  readonly module: string;
  /** Options for Node itself. */
  readonly execArgv: readonly string[];
}

/**
 * Several agents of one region in processes of their own, which use as many cores. A
 * process that a signal ends, or Node, as when its memory is exhausted, is started again, and
 * so is one that makes no progress any more. One
 * that says itself that it cannot go on ends all of them, as it would end alone: what
 * it is refused, the others are too.
 * @param config that of a single agent, which all of them share
 * @param program the agent's program, which is this one
 */
export function createAgentProcesses(
  config: AgentConfig,
  {
    program,
    env,
    supervisor,
    patienceMs = PATIENCE_MS,
  }: {
    readonly program: AgentProgram;
    readonly env: NodeJS.ProcessEnv;
    readonly supervisor: Supervisor | null;
    readonly patienceMs?: number;
  },
): Part {
  const { region, agentId, processes, spoolDir } = config;
  const logger = createLogger({ level: config.logLevel, name: "agents", fields: { region, agent: agentId } });
  const numbers = Array.from({ length: processes }, (_, index) => index + 1);
  const stopping = new AbortController();
  const children = new Map<number, ChildProcess>();
  /** Those that have made progress. */
  const working = new Set<number>();
  let supervised: Promise<void>[] = [];

  let end: { resolve(): void; reject(thrown: unknown): void };
  const ended = new Promise<void>((resolve, reject) => {
    end = { resolve, reject };
  });
  ended.catch(() => undefined); // Whoever runs the agents listens to it.

  function startProcess(number: number): ChildProcess {
    const child = fork(program.module, {
      execArgv: [...program.execArgv],
      env: {
        ...leanNode.env,
        ...withoutSystemd(env),
        [agentSettings.processes.variable]: "1",
        [agentSettings.agentId.variable]: `${agentId}-${number}`,
        [agentSettings.spoolDir.variable]: spoolOf(spoolDir, number),
        [agentSettings.healthPort.variable]: number === 1 ? String(config.healthPort) : "0",
        [agentSettings.upgradeDir.variable]: number === 1 ? (config.upgradeDir ?? "") : "",
      },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    children.set(number, child);
    return child;
  }

  /** Keeps one process running; resolves when it is not wanted any more. @throws Error when it cannot go on. */
  async function supervise(number: number, onStarted: () => void): Promise<void> {
    let attempt = 0;
    while (!stopping.signal.aborted) {
      const began = performance.now();
      const child = startProcess(number);
      let patience: NodeJS.Timeout | undefined;
      child.on("message", (message: { readonly type?: string }) => {
        onStarted();
        if (message.type === ALIVE.type) working.add(number);
        clearTimeout(patience);
        patience = setTimeout(() => {
          logger.error({ process: number }, "A process of the agent makes no progress: it is ended");
          child.kill("SIGKILL");
        }, patienceMs);
      });
      const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
      clearTimeout(patience);
      children.delete(number);
      if (stopping.signal.aborted || code === 0) return;
      if (code === 2) throw new ConfigError(`process ${number} of ${processes} cannot work as configured`);
      if (code === 1) throw new Error(`process ${number} of ${processes} cannot go on`);
      if (performance.now() - began > WELL_MS) attempt = 0;
      const pause = backoffMs(attempt++, RESTART);
      logger.error(
        { process: number, reason: signal ? `signal ${signal}` : `exit code ${code}`, retryInMs: Math.round(pause) },
        "A process of the agent ended",
      );
      await sleep(pause, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  const known = createSupervised({
    supervisor,
    isReady: () => working.size === processes,
    isAlive: () => true, // It sees to the others itself.
    status: () => `${children.size} of ${processes} processes run`,
    logger,
  });

  return {
    ended,
    async start() {
      for (const left of spoolsBeyond(spoolDir, processes)) {
        logger.warn({ spool: left }, "Results wait in the spool of a process that is not started any more");
      }
      const started = numbers.map(
        (number) =>
          new Promise<void>((resolve) => {
            supervised.push(supervise(number, resolve));
          }),
      );
      // All of them were stopped by someone else, or one cannot go on.
      Promise.all(supervised).then(() => end.resolve(), end.reject);
      await Promise.race([Promise.all(started), ended]);
      logger.info({ processes }, "All processes of the agent run");
      await known.start();
    },
    async stop() {
      await known.stop();
      stopping.abort();
      const patience = setTimeout(() => {
        for (const child of children.values()) child.kill("SIGKILL");
      }, STOP_DEADLINE_MS);
      for (const child of children.values()) child.kill("SIGTERM");
      await Promise.allSettled(supervised);
      clearTimeout(patience);
      supervised = [];
    },
  };
}

/** The first one has the spool that a single agent has, so that nothing stays behind when there are more of them. */
function spoolOf(spoolDir: string, number: number): string {
  return number === 1 ? spoolDir : `${spoolDir}-${number}`;
}

/** Spools with results of processes beyond so many, from when there were more of them. */
function spoolsBeyond(spoolDir: string, processes: number): string[] {
  return Array.from({ length: MAX_PROCESSES - processes }, (_, index) =>
    spoolOf(spoolDir, processes + index + 1),
  ).filter((dir) => existsSync(dir) && readdirSync(dir).some((name) => name.endsWith(".jsonl")));
}
