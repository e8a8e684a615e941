import { readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import type { Spool, SpooledBatch } from "../../agent/spool.ts";
import { ConfigError } from "../../shared/errors.ts";
import type { Miss } from "../../shared/result.ts";
import { startProgram } from "../support/program-process.ts";
import { testSpool } from "../support/spool.ts";
import { until } from "../support/until.ts";

async function openSpool(options: Parameters<typeof testSpool>[0] = {}) {
  const opened = await testSpool(options);
  onTestFinished(() => opened.remove());
  return opened;
}

function batch(id: string, size = 1): SpooledBatch {
  const miss: Miss = { monitorId: "mon_1", round: 1, attempt: 0, scheduledAt: 1_000, reason: "expired" };
  return {
    id,
    region: "eu-west",
    batch: { v: 1, agentId: "agt-1", results: [], misses: Array<Miss>(size).fill(miss) },
  };
}

/** The ids of all batches in the order in which the spool gives them, segment by segment. */
async function drain(spool: Spool): Promise<string[][]> {
  const segments: string[][] = [];
  for (let segment = await spool.oldest(); segment; segment = await spool.oldest()) {
    segments.push(segment.entries.map(({ id }) => id));
    await segment.remove();
  }
  return segments;
}

test("gives back what it was given, in order, what came together as one, and also to the next process", async () => {
  const { spool, dir } = await openSpool();
  await Promise.all([spool.append(batch("a")), spool.append(batch("b", 3))]);
  await spool.append(batch("c"));
  expect(spool.size).toBe(5);
  const next = await openSpool({ dir });
  expect(next.spool.size).toBe(5);
  expect((await next.spool.oldest())?.entries).toEqual([batch("a"), batch("b", 3)]);
  expect(await drain(next.spool)).toEqual([["a", "b"], ["c"]]);
  expect(next.spool.size).toBe(0);
  expect(await readdir(dir)).toEqual([]);
});

test("counts a batch from the moment it is given, and gives it when it is durable", async () => {
  const { spool } = await openSpool();
  const appended = spool.append(batch("a"));
  expect(spool.size).toBe(1);
  expect((await spool.oldest())?.entries).toEqual([batch("a")]);
  await appended;
});

test("leaves out a torn line, and nothing else", async () => {
  const { spool, dir } = await openSpool();
  await Promise.all([spool.append(batch("a")), spool.append(batch("b"))]);
  await spool.append(batch("c"));
  const [first = ""] = (await readdir(dir)).sort();
  const path = join(dir, first);
  await truncate(path, (await readFile(path)).length - 20);
  expect(await drain((await openSpool({ dir })).spool)).toEqual([["a"], ["c"]]);
});

test.each(["{}", '{"id":"a","region":"eu-west","batch":{"v":1,"agentId":"agt-1"}}', "null", '{"batch":{}}'])(
  "leaves out %s, which is no batch and would be tried for ever",
  async (line) => {
    const { spool, dir } = await openSpool();
    await Promise.all([spool.append(batch("a")), spool.append(batch("b"))]);
    const path = join(dir, (await readdir(dir))[0] as string);
    const [first] = (await readFile(path, "utf8")).split("\n");
    await writeFile(path, `${first}\n${line}\n`);
    expect(await drain((await openSpool({ dir })).spool)).toEqual([["a"]]);
  },
);

test("removes what was never whole, and leaves alone what is not its own", async () => {
  const { dir } = await openSpool();
  await writeFile(join(dir, "000001000000000-1-0123456789ab.jsonl.part"), "{");
  await writeFile(join(dir, "notes.txt"), "mine");
  const { spool } = await openSpool({ dir });
  expect(await spool.oldest()).toBe(null);
  expect(await readdir(dir)).toEqual(["notes.txt"]);
});

test("drops the oldest when it is too large, and says how many", async () => {
  const logs: { msg: string; results?: number }[] = [];
  const logger = pino({ level: "warn" }, { write: (line) => void logs.push(JSON.parse(line)) });
  const { spool, dir } = await openSpool({ maxBytes: 3 * 4_096, logger });
  for (const id of ["a", "b", "c", "d"]) await spool.append(batch(id, 2));
  expect(await readdir(dir)).toHaveLength(3);
  expect(spool.size).toBe(6);
  expect(logs).toMatchObject([{ msg: "Spooled results are dropped: they are too many or too old", results: 2 }]);
  expect(await drain(spool)).toEqual([["b"], ["c"], ["d"]]);
});

test("drops what is too old, also what an earlier process left", async () => {
  let now = 1_000_000_000_000;
  const aging = { maxAgeMs: 1_000, now: () => now };
  const { spool, dir } = await openSpool(aging);
  await spool.append(batch("a"));
  now += 600;
  await spool.append(batch("b"));
  now += 600;
  expect((await openSpool({ ...aging, dir })).spool.size).toBe(1);
  expect(await drain(spool)).toEqual([["b"]]);
});

test("loses nothing that it said is durable when its process is killed", async () => {
  const { dir } = await openSpool();
  const writer = startProgram("test/support/spool-writer.js", { SPOOL_DIR: dir });
  const told = () => writer.output().split("\n").filter(Boolean);
  await until(told, ({ length }) => length >= 9);
  await writer.end("SIGKILL");
  const kept = (await drain((await openSpool({ dir })).spool)).flat();
  expect(told()).toEqual(kept.slice(0, told().length));
  expect(kept).toEqual(kept.map((_, n) => `job_${n}`));
});

test("two processes may share a directory: who comes second to a segment finds it gone", async () => {
  const { spool, dir } = await openSpool();
  await spool.append(batch("a"));
  await spool.append(batch("b"));
  const other = await openSpool({ dir });
  await (await other.spool.oldest())?.remove();
  expect(await drain(spool)).toEqual([["b"]]);
  expect(await drain(other.spool)).toEqual([]);
});

test("says that a directory cannot be used, and which variable sets it", async () => {
  const { dir } = await openSpool();
  await writeFile(join(dir, "file"), "");
  const opening = openSpool({ dir: join(dir, "file", "spool") });
  await expect(opening).rejects.toThrow(ConfigError);
  await expect(opening).rejects.toThrow(/^the spool directory .* is not a directory: set WATCHPOST_AGENT_SPOOL_DIR$/);
});
