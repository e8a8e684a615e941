import { existsSync } from "node:fs";
import { ConfigError, errorText } from "./errors.ts";
import type { Part } from "./lifecycle.ts";

/** A program that has not stopped by then is ended, in ms; a coordinator is given less by its parent. */
const STOP_DEADLINE_MS = 30_000;

/**
 * Runs one part as the whole program: starts it, stops it on SIGINT, SIGTERM, when
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
    fail(thrown);
  }
  let stopping = false;
  const stop = async (failure?: unknown) => {
    if (stopping) process.exit(1);
    stopping = true;
    setTimeout(() => process.exit(1), STOP_DEADLINE_MS).unref();
    try {
      await part.stop();
    } catch (thrown) {
      fail(thrown);
    }
    if (failure !== undefined) fail(failure);
    process.exit(0);
  };
  process.on("SIGINT", () => stop());
  process.on("SIGTERM", () => stop());
  part.ended?.then(
    () => !stopping && stop(),
    (thrown: unknown) => !stopping && stop(thrown),
  );
  if (process.connected) process.on("disconnect", () => !stopping && void stop());
  try {
    await part.start();
    // Whoever forked this program with a channel may want to wait for it.
    if (process.connected) process.send?.({ type: "started" });
  } catch (thrown) {
    if (!stopping) fail(thrown);
  }
}

function fail(thrown: unknown): never {
  const wrongSetup = thrown instanceof ConfigError;
  process.stderr.write(
    `watchpost: ${wrongSetup ? errorText(thrown) : thrown instanceof Error ? thrown.stack : errorText(thrown)}\n`,
  );
  process.exit(wrongSetup ? 2 : 1);
}

/** Reads `.env` of the working directory, if there is one, into the environment; what is set already stays. */
export function loadDotEnv(): void {
  if (existsSync(".env")) process.loadEnvFile(".env");
}
