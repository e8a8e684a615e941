import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { ConfigError } from "../../../shared/errors.ts";
import { warningIn } from "./child-program.ts";
import type { Running } from "./supervise.ts";

const DEADLINE_MS = 60_000;
const ASK_EVERY_MS = 50;

/**
 * Waits for the coordinator to be ready.
 * @param notReady says what is missing, null when nothing is.
 * @throws ConfigError when it ended because it cannot work as configured; an Error
 * that names its log when it ended otherwise or is not ready in time.
 */
export async function becomesReady(
  coordinator: Running,
  notReady: () => Promise<string | null>,
  log: string,
): Promise<void> {
  let how: string | undefined;
  void coordinator.ended.then((end) => {
    how = end;
  });
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const missing = await notReady();
    if (missing === null) return;
    if (how !== undefined) {
      const words = await lastWarning(log);
      if (how === "exit code 2") throw new ConfigError(words);
      throw new Error(`the coordinator ended (${how}): ${words}; see ${log}`);
    }
    if (performance.now() > deadline) throw new Error(`the coordinator is not ready: ${missing}; see ${log}`);
    await sleep(ASK_EVERY_MS);
  }
}

async function lastWarning(log: string): Promise<string> {
  const lines = (await readFile(log, "utf8")).split("\n");
  return lines.map(warningIn).findLast((text) => text !== null) ?? "it says nothing";
}
