import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tempDir } from "../support/temp-dir.ts";
import { readCpuTimes } from "./process-cpu.ts";

/** Spends 0.4 s, tells what it has spent in ms, and ends unless it is to stay. */
const leaf = `
  for (const end = process.cpuUsage().user + 400_000; process.cpuUsage().user < end; );
  const { user, system } = process.cpuUsage();
  process.send((user + system) / 1_000);
  if (process.argv[2] === "stay") process.on("message", () => {});
`;

/** Has one leaf that has ended and one that stays, and tells what both have spent. */
const root = `
  import { fork } from "node:child_process";
  import { once } from "node:events";
  const leaf = new URL("leaf.mjs", import.meta.url);
  const going = fork(leaf);
  const [[gone]] = await Promise.all([once(going, "message"), once(going, "exit")]);
  const [staying] = await once(fork(leaf, ["stay"]), "message");
  process.on("disconnect", () => process.exit());
  process.send(gone + staying);
`;

test("a process's time is that of its tree, living and gone", async () => {
  const dir = await tempDir();
  await writeFile(join(dir.path, "leaf.mjs"), leaf);
  await writeFile(join(dir.path, "root.mjs"), root);
  const child = fork(join(dir.path, "root.mjs"));
  try {
    const [spentMs] = await once(child, "message");
    const { ofTree, machineMs } = readCpuTimes();
    // Each of the leaves is known to one tick of 10 ms.
    expect(ofTree(child.pid as number)).toBeGreaterThanOrEqual(spentMs - 20);
    expect(machineMs).toBeGreaterThan(ofTree(child.pid as number));
    expect(ofTree(2 ** 30)).toBe(0);
  } finally {
    child.kill("SIGKILL");
    await dir.remove();
  }
});
