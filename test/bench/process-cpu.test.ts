import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tempDir } from "../support/temp-dir.ts";
import { readCpuTimes } from "./process-cpu.ts";

const burn = "for (const end = process.cpuUsage().user + 200_000; process.cpuUsage().user < end; );";

test("a process's time is that of its tree, living and gone", async () => {
  const dir = await tempDir();
  await writeFile(
    join(dir.path, "leaf.mjs"),
    `${burn} if (process.argv[2] === "stay") process.on("message", () => {});
    process.send("burnt");`,
  );
  await writeFile(
    join(dir.path, "root.mjs"),
    `import { fork } from "node:child_process";
     import { once } from "node:events";
     const leaf = new URL("leaf.mjs", import.meta.url);
     process.on("message", () => {});
     await once(fork(leaf, ["go"]), "exit");
     const staying = fork(leaf, ["stay"]);
     await once(staying, "message");
     process.on("disconnect", () => process.exit());
     process.send("ready");`,
  );
  const root = fork(join(dir.path, "root.mjs"));
  try {
    await once(root, "message");
    const { ofTree, machineMs } = readCpuTimes();
    expect(ofTree(root.pid as number)).toBeGreaterThanOrEqual(390);
    expect(machineMs).toBeGreaterThan(ofTree(root.pid as number));
    expect(ofTree(2 ** 30)).toBe(0);
  } finally {
    root.kill("SIGKILL");
    await dir.remove();
  }
});
