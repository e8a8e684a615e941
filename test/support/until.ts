import { setTimeout as sleep } from "node:timers/promises";

/**
 * Asks again and again until the answer passes, for what another process does and
 * tells nobody: the last answer is shown when time is up.
 */
export async function until<T>(
  ask: () => Promise<T> | T,
  passes: (answer: T) => unknown,
  { withinMs = 30_000, everyMs = 50 }: { withinMs?: number; everyMs?: number } = {},
): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (passes(answer)) return answer;
    if (performance.now() > end)
      throw new Error(`not within ${withinMs} ms; last: ${JSON.stringify(answer)?.slice(0, 2_000)}`);
    await sleep(everyMs);
  }
}
