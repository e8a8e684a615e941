import { writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { startBackends } from "../../../../coordinator/cli/start/backends.ts";
import { openDataDir } from "../../../../coordinator/cli/start/data-dir.ts";
import { startSettings } from "../../../../coordinator/cli/start/settings.ts";
import { createSteps } from "../../../../coordinator/cli/start/steps.ts";
import { readSettings } from "../../../../shared/env.ts";
import { tempDir } from "../../../support/temp-dir.ts";

const databases = { DATABASE_URL: "postgres://db.example/w", CLICKHOUSE_URL: "http://ch.example:8123" };

/** Starts the backends where this is what the PATH has as redis-server. */
async function startWith(script: string) {
  const dir = await tempDir();
  onTestFinished(() => dir.remove());
  await writeFile(join(dir.path, "redis-server"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  vi.stubEnv("PATH", `${dir.path}${delimiter}${process.env.PATH}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  const lines: string[] = [];
  const steps = createSteps((line) => lines.push(line));
  const started: unknown[] = [];
  const backends = await startBackends({
    values: readSettings(startSettings, databases),
    dir: await openDataDir(join(dir.path, "data")),
    steps,
    warn: steps.warn,
    started: (server) => started.push(server),
  });
  return { backends, lines, started };
}

test("a redis-server that does not start leaves the queues to PostgreSQL, and one line says why", async () => {
  const { backends, lines, started } = await startWith(`
    if [ "$1" = --version ]; then echo "Redis server v=7.2.4 sha=00000000:0 bits=64"; exit 0; fi
    echo "error while loading shared libraries: libjemalloc.so.2" >&2
    exit 127`);
  expect(backends).toEqual({ databases, queues: { QUEUE_DATABASE_URL: databases.DATABASE_URL } });
  expect(started).toEqual([]);
  expect(lines.filter((line) => line.includes("queues"))).toEqual([
    expect.stringMatching(/in PostgreSQL: redis-server did not start \(exit code 127\): .*libjemalloc\.so\.2$/),
  ]);
});
