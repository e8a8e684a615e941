import { startProgram } from "../program.ts";
import type { Scope } from "../scope.ts";
import type { Spread } from "../statistics.ts";

/** How late the timers of a Node process are that does nothing else, with `rate` timers a second evenly spread; in ms. */
export async function latenessOfTimers(
  scope: Scope,
  { rate, seconds, dir }: { readonly rate: number; readonly seconds: number; readonly dir: string },
): Promise<Spread> {
  const program = scope.add(
    startProgram(new URL("./node-timers-program", import.meta.url), {
      env: { RATE: String(rate), SECONDS: String(seconds) },
      logFile: `${dir}/node-timers.log`,
    }),
  );
  const spread = await program.message<Spread>((seconds + 30) * 1_000);
  await program.stop();
  return spread;
}
