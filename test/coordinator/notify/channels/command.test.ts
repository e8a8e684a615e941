import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noticeDocument } from "../../../../coordinator/notify/channels/document.ts";
import { createHttpClient } from "../../../../coordinator/notify/channels/http.ts";
import { sendNotice } from "../../../../coordinator/notify/channels/index.ts";
import { tempDir } from "../../../support/temp-dir.ts";
import { until } from "../../../support/until.ts";
import { hostileNotice, testNotice } from "./notices.ts";

const http = createHttpClient({ userAgent: "Watchpost/test" });
let dir: Awaited<ReturnType<typeof tempDir>>;
beforeAll(async () => {
  dir = await tempDir();
});
afterAll(() => Promise.all([dir?.remove(), http.stop()]));

let scripts = 0;
async function script(lines: string): Promise<string> {
  const path = join(dir.path, `script-${scripts++}`);
  await writeFile(path, `#!/bin/sh\n${lines}\n`);
  await chmod(path, 0o755);
  return path;
}

const run = (
  path: string,
  options: { commands?: string[]; deadlineMs?: number; notice?: ReturnType<typeof testNotice> } = {},
) =>
  sendNotice("command", { path }, options.notice ?? testNotice(), {
    http,
    commands: options.commands ?? [path],
    signal: AbortSignal.timeout(options.deadlineMs ?? 20_000),
    now: Date.now(),
  });

const isThere = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test("gets the document on its standard input, and nothing of the coordinator's environment", async () => {
  process.env.PLANTED_SECRET = "planted";
  const out = join(dir.path, "given");
  await run(await script(`cat > ${out}.json; env > ${out}.env; pwd > ${out}.pwd; echo "$#" > ${out}.args`));
  const document = noticeDocument.parse(JSON.parse(await readFile(`${out}.json`, "utf8")));
  expect(document).toMatchObject({ v: 1, id: "ntc_4k2j9x", type: "down", data: { title: "DOWN: Checkout API" } });
  const variables = (await readFile(`${out}.env`, "utf8")).trim().split("\n");
  expect(
    variables
      .map((line) => line.split("=")[0])
      .filter((name) => !["PWD", "SHLVL", "_", "OLDPWD"].includes(name ?? ""))
      .sort(),
  ).toEqual(["LANG", "PATH"]);
  expect(await readFile(`${out}.pwd`, "utf8")).toBe("/\n");
  expect(await readFile(`${out}.args`, "utf8")).toBe("0\n");
  delete process.env.PLANTED_SECRET;
});

test.each([
  ["exit 0", undefined],
  ["echo busy; exit 75", { name: "RetryLater", message: "exit code 75: busy" }],
  ["echo wrong number >&2; exit 2", { name: "GiveUp", message: "exit code 2: wrong number" }],
  ["exit 1", { name: "GiveUp", message: "exit code 1: it said nothing" }],
  ["kill -9 $$", { name: "RetryLater", message: "killed: it said nothing" }],
])("says by its end what to do next: %s", async (lines, expected) => {
  const running = run(await script(lines));
  if (expected === undefined) await running;
  else await expect(running).rejects.toMatchObject(expected);
});

describe("what the operator allows", () => {
  test.each([
    ["nothing", []],
    ["another", ["/bin/true"]],
    ["its folder", ["/tmp"]],
  ])("is all that runs: %s", async (_what, commands) => {
    const ran = join(dir.path, `ran-${scripts}`);
    const path = await script(`touch ${ran}`);
    await expect(run(path, { commands })).rejects.toMatchObject({
      name: "GiveUp",
      message: `${path} is not in WATCHPOST_NOTIFY_COMMANDS`,
    });
    await expect(readFile(ran)).rejects.toThrow(/ENOENT/);
  });

  test("is a path as it stands, never one for a shell", async () => {
    const path = await script("exit 0");
    const more = `${path}; touch ${dir.path}/injected`;
    await expect(run(more, { commands: [more] })).rejects.toMatchObject({
      name: "GiveUp",
      message: expect.stringMatching(/ENOENT/),
    });
    await expect(readFile(join(dir.path, "injected"))).rejects.toThrow(/ENOENT/);
  });
});

test("need not read its input", async () => {
  await run(await script("exec <&-; exit 0"), { notice: hostileNotice() });
});

test("is heard to a limit", async () => {
  const path = await script("yes nonsense | head -c 5000000; echo the end; exit 1");
  await expect(run(path)).rejects.toMatchObject({ name: "GiveUp", message: expect.stringMatching(/^exit code 1: /) });
});

test("ends at the deadline with all that it started", async () => {
  const pids = join(dir.path, "pids");
  const path = await script(`sleep 600 & echo $$ $! > ${pids}; sleep 600`);
  await expect(run(path, { deadlineMs: 500 })).rejects.toMatchObject({
    name: "RetryLater",
    message: "it did not end within the deadline",
  });
  const started = (await readFile(pids, "utf8")).trim().split(" ").map(Number);
  expect(started).toHaveLength(2);
  await until(
    () => started.filter(isThere),
    (left) => left.length === 0,
  );
});

test("leaves nothing behind that it started", async () => {
  const pids = join(dir.path, "left");
  await run(await script(`sleep 600 & echo $! > ${pids}; exit 0`));
  const left = Number(await readFile(pids, "utf8"));
  await until(
    () => isThere(left),
    (there) => !there,
  );
});
