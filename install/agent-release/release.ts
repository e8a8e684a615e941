import { createHash } from "node:crypto";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ReleaseArchitecture, ReleaseFile } from "../../shared/release.ts";
import { executableName, formatManifest, MANIFEST, releaseArchitectures } from "../../shared/release.ts";
import { bundleAgent, makeBlob, makeExecutable } from "./executable.ts";
import { nodeDistribution } from "./node-distribution.ts";
import { run } from "./run.ts";

/** What a release has beside the executables. */
const installed = [
  "install/install.sh",
  "install/systemd/watchpost-agent.service",
  "install/systemd/watchpost-agent-upgrade.service",
  "install/systemd/watchpost-agent-upgrade.path",
];

/**
 * Makes the agent's release in `root/VERSION`, in place of one of the same version, as a whole or not at all.
 * @param level how hard it is compressed, 1 to 9: a tenth of the time for a seventh more
 * @returns its directory
 */
export async function makeRelease(
  root: string,
  version: string,
  architectures: readonly ReleaseArchitecture[],
  level = 9,
): Promise<string> {
  const node = await nodeDistribution(hostArchitecture());
  await mkdir(root, { recursive: true });
  const scratch = await mkdtemp(join(root, ".making-"));
  try {
    const [program, blob] = [join(scratch, "agent.cjs"), join(scratch, "blob")];
    await bundleAgent(program, version);
    await makeBlob(scratch, basename(program), basename(blob), node);
    await rm(program);
    for (const arch of architectures) {
      const executable = join(scratch, "executable");
      await makeExecutable(executable, blob, arch);
      await compress(executable, join(scratch, executableName(arch)), node, level);
      await rm(executable);
    }
    await rm(blob);
    for (const file of installed) await copyFile(file, join(scratch, basename(file)));
    const files = await Promise.all((await readdir(scratch)).sort().map((name) => describe(scratch, name)));
    await writeFile(join(scratch, MANIFEST), formatManifest({ version, files }));
    await chmod(scratch, 0o755);
    const finished = join(root, version);
    await rm(finished, { recursive: true, force: true });
    await rename(scratch, finished);
    return finished;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The blob is made by the Node that it is for, so that one has to run here. */
function hostArchitecture(): ReleaseArchitecture {
  const arch = releaseArchitectures.find((known) => known === process.arch);
  if (process.platform !== "linux" || arch === undefined) {
    throw new Error(`the agent's release is built on Linux x64 or arm64, not on ${process.platform} ${process.arch}`);
  }
  return arch;
}

/** By the pinned Node, so that the same sources make the same bytes whatever Node builds them. */
async function compress(file: string, outfile: string, node: string, level: number): Promise<void> {
  const program = `
    const { readFileSync, writeFileSync } = require("node:fs");
    const [, file, outfile, level] = process.argv;
    writeFileSync(outfile, require("node:zlib").gzipSync(readFileSync(file), { level: Number(level) }));`;
  await run(node, ["-e", program, file, outfile, String(level)], { deadlineMs: 300_000 });
}

async function describe(folder: string, name: string): Promise<ReleaseFile> {
  const content = await readFile(join(folder, name));
  return { name, sha256: createHash("sha256").update(content).digest("hex"), size: content.length };
}
