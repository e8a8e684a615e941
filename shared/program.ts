import { existsSync } from "node:fs";
import { ConfigError, errorText, isBug } from "./errors.ts";
import type { Part } from "./lifecycle.ts";

/** A program that has not stopped by then is ended, in ms; a coordinator is given less by its parent. */
const STOP_DEADLINE_MS = 30_000;

/** Signals no further apart are one wish to stop, in ms. */
const SAME_WISH_MS = 1_000;

/**
 * Runs one part as the whole program: starts it, stops it on a signal, when
 * it asks for it, or when a parent that opened an IPC channel is gone, and exits.
 * Such a parent is sent `{ type: "started" }` once it runs.
 * Exit codes: 0 stopped as asked, 1 failed, 2 cannot work as configured (one line
 * on standard error says why).
 */
export async function runProgram(build: (env: NodeJS.ProcessEnv) => Part, env: NodeJS.ProcessEnv): Promise<void> {
  let part: Part;
  try {
    part = build(env);
  } catch (thrown) {
    fail(thrown, env);
  }
  let stopping = false;
  const stop = async (failure?: unknown) => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(1), STOP_DEADLINE_MS).unref();
    try {
      await part.stop();
    } catch (thrown) {
      fail(thrown, env);
    }
    if (failure !== undefined) fail(failure, env);
    process.exit(0);
  };
  onStopSignal(() => void stop());
  part.ended?.then(() => stop(), stop);
  if (process.connected) process.on("disconnect", () => void stop());
  try {
    await part.start();
    // Whoever forked this program with a channel may want to wait for it.
    if (process.connected) process.send?.({ type: "started" });
  } catch (thrown) {
    if (!stopping) fail(thrown, env);
  }
}

/**
 * Calls `stop` when this process is asked to stop: SIGINT, SIGTERM, or SIGHUP, which
 * says that its terminal is gone. Asked again it exits at once, with code 1; but the
 * same wish may arrive twice, from the terminal and through npm, say.
 */
export function onStopSignal(stop: () => void): void {
  let askedAt: number | undefined;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (askedAt === undefined) {
        askedAt = performance.now();
        stop();
      } else if (performance.now() - askedAt > SAME_WISH_MS) process.exit(1);
    });
  }
}

function fail(thrown: unknown, { LOG_LEVEL }: NodeJS.ProcessEnv): never {
  const withStack = LOG_LEVEL === "debug" || LOG_LEVEL === "trace";
  process.stderr.write(`watchpost: ${failureReport(thrown, withStack)}\n`);
  process.exit(thrown instanceof ConfigError ? 2 : 1);
}

/**
 * What people are told of a failure that ends a program: one line. The stack too when
 * they want it, or when nobody foresaw the failure and the stack is all there is.
 */
export function failureReport(thrown: unknown, withStack: boolean): string {
  const tellsMore = thrown instanceof Error && !(thrown instanceof ConfigError) && (withStack || isBug(thrown));
  return (tellsMore ? thrown.stack : null) ?? errorText(thrown);
}

/** Reads `.env` of the working directory, if there is one, into the environment; what is set already stays. */
export function loadDotEnv(): void {
  if (existsSync(".env")) process.loadEnvFile(".env");
}
