import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { expect, onTestFinished, test } from "vitest";
import type { KeySettings } from "../../../coordinator/secrets/key-source.ts";
import { findKeys } from "../../../coordinator/secrets/key-source.ts";
import type { SecretKey } from "../../../coordinator/secrets/keys.ts";
import { newKey, parseKeys } from "../../../coordinator/secrets/keys.ts";
import { ConfigError } from "../../../shared/errors.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { until } from "../../support/until.ts";

async function place() {
  const dir = await tempDir();
  onTestFinished(() => dir.remove());
  return { dir: dir.path, settings: { secretKeys: null, secretKeyFile: null, dataDir: join(dir.path, "new/data") } };
}
const idsOf = (keys: readonly SecretKey[]) => keys.map(({ id }) => id);
const keysOf = (settings: KeySettings) => findKeys(settings).keys;

test("a key is made once, for this user alone, and kept", async () => {
  const { settings } = await place();
  const first = keysOf(settings);
  expect(idsOf(keysOf(settings))).toEqual(idsOf(first));
  expect((await stat(join(settings.dataDir, "key"))).mode & 0o777).toBe(0o600);
  expect(await readdir(settings.dataDir)).toEqual(["key"]);
  expect(idsOf(parseKeys(await readFile(join(settings.dataDir, "key"), "utf8")))).toEqual(idsOf(first));
});

test("coordinators that start at once on one data directory agree on one key", async () => {
  const { settings } = await place();
  const source = new URL("../../../dist/coordinator/secrets/key-source.js", import.meta.url).href;
  const program = `
    const { parentPort, workerData } = require("node:worker_threads");
    const gate = new Int32Array(workerData.gate);
    import(workerData.source).then(({ findKeys }) => {
      Atomics.add(gate, 1, 1);
      Atomics.wait(gate, 0, 0);
      parentPort.postMessage(findKeys(workerData.settings).keys[0].id);
    });`;
  const gate = new SharedArrayBuffer(8);
  const workers = Array.from(
    { length: 4 },
    () =>
      new Worker(program, {
        eval: true,
        workerData: { gate, source, settings },
      }),
  );
  const ids = workers.map(
    (worker) => new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject)),
  );
  const [go, ready] = [0, 1];
  const states = new Int32Array(gate);
  await until(
    () => Atomics.load(states, ready),
    (count) => count === workers.length,
    { withinMs: 10_000 },
  );
  Atomics.store(states, go, 1);
  Atomics.notify(states, go);
  expect(new Set(await Promise.all(ids)).size).toBe(1);
  expect(await readdir(settings.dataDir)).toEqual(["key"]);
});

test("the environment comes before the file, and the file before the data directory", async () => {
  const { dir, settings } = await place();
  const [inFile, inEnv] = [newKey(), newKey()];
  const secretKeyFile = join(dir, "keys");
  await writeFile(secretKeyFile, `# the deployment's\n${inFile}\n`);
  expect(idsOf(keysOf({ ...settings, secretKeyFile }))).toEqual(idsOf(parseKeys(inFile)));
  expect(idsOf(keysOf({ ...settings, secretKeys: parseKeys(inEnv) }))).toEqual(idsOf(parseKeys(inEnv)));
  expect(() => keysOf({ ...settings, secretKeyFile, secretKeys: parseKeys(inEnv) })).toThrow(
    new ConfigError("WATCHPOST_KEY and WATCHPOST_KEY_FILE must not both be set"),
  );
  expect(await readdir(dir)).toEqual(["keys"]);
});

test("what cannot be read, kept or understood is one line without the key", async () => {
  const { dir, settings } = await place();
  const secretKeyFile = join(dir, "keys");
  const attempt = (changes: object) => () => keysOf({ ...settings, ...changes });
  expect(attempt({ secretKeyFile })).toThrow(
    new ConfigError(`WATCHPOST_KEY_FILE ${secretKeyFile} cannot be read (ENOENT)`),
  );
  await writeFile(secretKeyFile, "hunter2");
  expect(attempt({ secretKeyFile })).toThrow(/^WATCHPOST_KEY_FILE .*keys must be 32 random bytes in base64/);
  expect(attempt({ secretKeyFile })).not.toThrow(/hunter2/);
  expect(attempt({ dataDir: "/proc/watchpost/data" })).toThrow(
    /the key for secrets cannot be kept: .* cannot be made there: set WATCHPOST_DATA/,
  );
  expect(attempt({ dataDir: secretKeyFile })).toThrow(ConfigError);
});
