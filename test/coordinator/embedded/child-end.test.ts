import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { endOf } from "../../../coordinator/embedded/child-end.ts";

test.each([
  ["exit 3", "exit code 3"],
  ["kill -KILL $$", "signal SIGKILL"],
])("how a child ended that did '%s' is known, also when it is asked afterwards", async (script, how) => {
  const child = spawn("/bin/sh", ["-c", script]);
  const asked = endOf(child);
  await once(child, "exit");
  expect(await asked).toBe(how);
  expect(await endOf(child)).toBe(how);
});

test("why a child could not be started is known", async () => {
  expect(await endOf(spawn("/nowhere/at-all"))).toMatch(/ENOENT/);
});
