import { copyFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { leanNode } from "../../shared/lean-node.ts";
import type { ReleaseArchitecture } from "../../shared/release.ts";
import { nodeDistribution } from "./node-distribution.ts";
import { run } from "./run.ts";

/** As Node documents it for single-executable applications: what marks a Node that has a program inside. */
const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";
const SECTION = "NODE_SEA_BLOB";

/**
 * The agent in one CommonJS file, the form that Node takes in an executable.
 * @param version what it says that it is
 */
export async function bundleAgent(outfile: string, version: string): Promise<void> {
  await build({
    entryPoints: ["agent/executable.ts"],
    outfile,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    minifySyntax: true,
    legalComments: "none",
    define: { WATCHPOST_VERSION: JSON.stringify(version) },
    // What BullMQ and pg load only where somebody has installed it.
    external: ["pg-native", "redis", "bullmq-otel"],
    logLevel: "warning",
    logOverride: { "empty-import-meta": "silent" }, // Nothing that is reached asks for it.
  });
}

/**
 * The program as the blob that goes into Node, the same for every architecture as long as it
 * has neither a snapshot nor a code cache. The blob keeps the program's name as it is given
 * here, so that one goes by names within the folder.
 * @param node the Node that it is for, or the same version of it that runs here
 */
export async function makeBlob(folder: string, program: string, blob: string, node: string): Promise<void> {
  const config = {
    main: program,
    output: blob,
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    useCodeCache: false,
    execArgv: leanNode.execArgv,
    execArgvExtension: "env",
  };
  await writeFile(join(folder, "sea.json"), JSON.stringify(config));
  await run(resolve(node), ["--experimental-sea-config", "sea.json"], { cwd: folder });
  await rm(join(folder, "sea.json"));
}

/** Node for Linux on this architecture with the program inside, as one executable file. */
export async function makeExecutable(outfile: string, blob: string, arch: ReleaseArchitecture): Promise<void> {
  await copyFile(await nodeDistribution(arch), outfile);
  // As a process of its own, whose warnings about sections that are as they were are of no use to anybody.
  const postject = createRequire(import.meta.url).resolve("postject/dist/cli.js");
  await run(process.execPath, [postject, outfile, SECTION, blob, "--sentinel-fuse", FUSE]);
}
