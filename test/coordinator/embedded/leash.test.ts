import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { endOf } from "../../../coordinator/embedded/child-end.ts";
import { spawnLeashed } from "../../../coordinator/embedded/leash.ts";
import { familyOf, groupOf, living } from "../../support/process-family.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { until } from "../../support/until.ts";

const leash = new URL("../../../dist/coordinator/embedded/leash.js", import.meta.url).href;

test.each(["running", "frozen"])(
  "a %s program on a leash ends when whoever holds it is killed, and its guard too",
  async (state) => {
    const holder = spawn(process.execPath, [
      "--input-type=module",
      "-e",
      `const { spawnLeashed } = await import(${JSON.stringify(leash)});
     const child = spawnLeashed({ command: "sleep", args: ["600"], signal: "TERM", stdout: 1 });
     process.on("SIGUSR2", () => child.kill("SIGSTOP") && console.log("frozen"));
     setInterval(() => {}, 1000);`,
    ]);
    const pid = holder.pid ?? 0;
    const family = await until(
      () => familyOf(pid),
      (pids) => pids.length === 2,
    );
    if (state === "frozen") {
      holder.kill("SIGUSR2");
      await once(holder.stdout, "data");
    }
    holder.kill("SIGKILL");
    await until(
      () => living(family),
      (left) => left.length === 0,
    );
  },
);

test("a program that ends of itself leaves no guard, and its exit code is its own", async () => {
  const dir = await tempDir();
  const log = await open(join(dir.path, "log"), "a");
  const child = spawnLeashed({ command: "sh", args: ["-c", "exec sleep 600"], signal: "TERM", stdout: log.fd });
  const ended = endOf(child);
  await once(child, "spawn");
  // Itself and its guard. What else this process has started is none of theirs.
  const group = () => groupOf(child.pid ?? 0);
  await until(group, (pids) => pids.length === 2);
  child.kill("SIGTERM");
  expect(await ended).toBe("signal SIGTERM");
  await until(group, (left) => left.length === 0);
  const failing = spawnLeashed({ command: "sh", args: ["-c", "exit 7"], signal: "TERM", stdout: log.fd });
  expect(await endOf(failing)).toBe("exit code 7");
  await log.close();
  await dir.remove();
});
