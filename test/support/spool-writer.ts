import { testSpool } from "./spool.ts";

/** A program that spools one batch after the other and tells each that is durable, until it is killed. */
const { spool } = await testSpool({ dir: process.env.SPOOL_DIR as string });
for (let n = 0; ; n += 3) {
  // Some of them together.
  const ids = [n, n + 1, n + 2].map((k) => `job_${k}`);
  await Promise.all(
    ids.map(async (id) => {
      const miss = { monitorId: "mon_1", round: n, attempt: 0, scheduledAt: 1_000, reason: "expired" } as const;
      await spool.append({ id, region: "eu-west", batch: { v: 1, agentId: "agt-1", results: [], misses: [miss] } });
      process.stdout.write(`${id}\n`);
    }),
  );
}
