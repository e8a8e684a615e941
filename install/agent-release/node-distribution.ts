import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { ReleaseArchitecture } from "../../shared/release.ts";
import { run } from "./run.ts";

/** The Node inside the agent, and the digests of its packages in the npm registry. */
export const pinnedNode = {
  version: "24.21.0",
  integrity: {
    x64: "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
    arm64: "sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==",
  },
} as const;

/** Outlives `dist/`, and goes with the other packages. */
const cache = "node_modules/.cache/watchpost-node";
const DOWNLOAD_DEADLINE_MS = 300_000;

/**
 * The pinned Node for Linux on this architecture, from the npm registry unless it has been fetched before.
 * @returns the path of its executable
 * @throws Error when what the registry has is not what is pinned
 */
export async function nodeDistribution(arch: ReleaseArchitecture): Promise<string> {
  const kept = join(cache, `${pinnedNode.version}-${arch}`);
  if (existsSync(kept)) return kept;
  await mkdir(cache, { recursive: true });
  const scratch = await mkdtemp(join(cache, "fetch-"));
  try {
    const name = `node-linux-${arch}`;
    await run("npm", ["pack", `${name}@${pinnedNode.version}`, "--silent", "--pack-destination", scratch], {
      deadlineMs: DOWNLOAD_DEADLINE_MS,
    });
    const tarball = join(scratch, `${name}-${pinnedNode.version}.tgz`);
    await verifyIntegrity(tarball, pinnedNode.integrity[arch]);
    await run("tar", ["-xzf", tarball, "-C", scratch, "package/bin/node"]);
    await rename(join(scratch, "package/bin/node"), kept);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return kept;
}

/**
 * @param integrity as in a lockfile: `sha512-` and the digest in base64
 * @throws Error when the file has another one
 */
export async function verifyIntegrity(file: string, integrity: string): Promise<void> {
  const hash = createHash("sha512");
  await pipeline(createReadStream(file), hash);
  const found = `sha512-${hash.digest("base64")}`;
  if (found !== integrity) throw new Error(`${file} is not what is pinned: its digest is ${found}, not ${integrity}`);
}
