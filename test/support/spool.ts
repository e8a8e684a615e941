import { pino } from "pino";
import { createSpool, type Spool } from "../../agent/spool.ts";
import { tempDir } from "./temp-dir.ts";

/** An open spool, in a directory of its own unless told otherwise. */
export async function testSpool(
  options: Partial<Parameters<typeof createSpool>[0]> = {},
): Promise<{ spool: Spool; dir: string; remove(): Promise<void> }> {
  const { path, remove } = options.dir === undefined ? await tempDir() : { path: options.dir, remove: async () => {} };
  const spool = createSpool({
    dir: path,
    variable: "WATCHPOST_AGENT_SPOOL_DIR",
    maxBytes: 2 ** 24,
    maxAgeMs: 3_600_000,
    now: Date.now,
    logger: pino({ level: "silent" }),
    ...options,
  });
  await spool.open();
  return { spool, dir: path, remove };
}
