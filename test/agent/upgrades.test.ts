import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createUpgrades, type Upgrades } from "../../agent/upgrades.ts";
import type { UpgradeNews } from "../../shared/agent-message.ts";
import { tempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";

let dir: Awaited<ReturnType<typeof tempDir>>;
let upgrades: Upgrades;
let told: UpgradeNews[];
let isLinked: boolean;
let attempts: number;

beforeEach(async () => {
  dir = await tempDir();
  told = [];
  isLinked = true;
  attempts = 0;
});
afterEach(async () => {
  await upgrades.stop();
  await dir.remove();
});

async function start(path: string | null): Promise<void> {
  upgrades = createUpgrades({
    dir: path,
    tell(news) {
      attempts++;
      if (isLinked) told.push(news);
      return isLinked;
    },
    logger: pino({ level: "silent" }),
  });
  await upgrades.start();
}
const result = () => join(dir.path, "upgrade-result");
const news = () =>
  until(
    () => told,
    ({ length }) => length > 0,
  );

test("a request is left as a file that holds the version, in place of an older end", async () => {
  isLinked = false;
  await start(dir.path);
  await writeFile(result(), '{"version":"1.0.0","state":"failed"}');
  isLinked = true;
  upgrades.request("1.2.3");
  expect(await news()).toEqual([{ type: "upgrade", version: "1.2.3", state: "requested" }]);
  expect(await readFile(join(dir.path, "upgrade-request"), "utf8")).toBe("1.2.3\n");
  expect(await readdir(dir.path)).toEqual(["upgrade-request"]);
});

test.each(["", "latest", "1.2", "../1.2.3", "1.2.3\nrm", `1.2.3-${"a".repeat(70)}`])(
  "no request is left for %j",
  async (version) => {
    await start(dir.path);
    upgrades.request(version);
    expect(await news()).toEqual([
      { type: "upgrade", version: version.slice(0, 64), state: "failed", detail: "this is no version" },
    ]);
    expect(await readdir(dir.path)).toEqual([]);
  },
);

test("where nobody looks, that is the answer", async () => {
  await start(null);
  expect(upgrades.isPossible).toBe(false);
  upgrades.request("1.2.3");
  expect((await news())[0]).toMatchObject({ state: "failed", detail: expect.stringContaining("install.sh") });
});

test("a request that cannot be left is answered with the reason", async () => {
  await start(dir.path);
  await rm(dir.path, { recursive: true });
  upgrades.request("1.2.3");
  expect((await news())[0]).toMatchObject({ state: "failed", detail: expect.stringContaining("ENOENT") });
});

test("the end is told once the coordinator can be told, and once", async () => {
  isLinked = false;
  await writeFile(result(), '{"version":"1.2.3","state":"rolled-back","detail":"it was not ready within 60 s"}');
  await start(dir.path);
  await until(
    () => attempts,
    (count) => count > 0,
  );
  isLinked = true;
  const end = { type: "upgrade", version: "1.2.3", state: "rolled-back", detail: "it was not ready within 60 s" };
  expect(await news()).toEqual([end]);
  await until(
    () => readdir(dir.path),
    ({ length }) => length === 0,
  );
  expect(told).toEqual([end]);
});

test.each(["", "{}", "null", '{"version":"x","state":"done"}', '{"version":"1.2.3","state":"perhaps"}'])(
  "an end that says nothing is put aside: %s",
  async (text) => {
    await writeFile(result(), text);
    await start(dir.path);
    await until(
      () => readdir(dir.path),
      ({ length }) => length === 0,
    );
    expect(told).toEqual([]);
  },
);
