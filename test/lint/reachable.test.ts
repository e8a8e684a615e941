import { build } from "esbuild";
import { describe, expect, it } from "vitest";

/** Everything that a module imports, directly or not, but for types: files of this project and packages. */
async function reachableFrom(...entryPoints: string[]): Promise<string[]> {
  const { metafile } = await build({
    entryPoints,
    bundle: true,
    write: false,
    outdir: "unused",
    metafile: true,
    platform: "node",
    format: "esm",
    packages: "external",
    logLevel: "silent",
  });
  const packages = Object.values(metafile.inputs).flatMap(({ imports }) =>
    imports.flatMap(({ path, external }) => (external ? path : [])),
  );
  return [...new Set([...Object.keys(metafile.inputs), ...packages])];
}

describe("an agent at run time", async () => {
  const reached = await reachableFrom("agent/main.ts");

  it("loads no schemas", () => {
    expect(reached).toContain("bullmq");
    expect(reached).not.toContain("zod");
  });

  it("loads nothing of the coordinator", () => {
    expect(reached.filter((path) => path.startsWith("coordinator/"))).toEqual([]);
  });
});

it.each(["coordinator/verdict/verdict.ts", "coordinator/schedule/schedule.ts", "coordinator/schedule/due.ts"])(
  "%s reaches nothing that does input or output",
  async (module) => {
    const reached = await reachableFrom(module);
    expect(reached.filter((path) => !/^(coordinator\/(schedule|verdict)|shared)\//.test(path))).toEqual([]);
  },
);
