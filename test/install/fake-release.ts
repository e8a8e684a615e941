import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { executableName, formatManifest, MANIFEST, releaseArchitectures } from "../../shared/release.ts";
import { type FakeWay, fakeAgent } from "./fake-agent.ts";

const installed = [
  "install.sh",
  "systemd/watchpost-agent.service",
  "systemd/watchpost-agent-upgrade.service",
  "systemd/watchpost-agent-upgrade.path",
];

/** The files of a release around a fake agent, by name, its manifest among them. */
export async function fakeRelease(version: string, way: FakeWay): Promise<Map<string, Buffer>> {
  const executable = gzipSync(fakeAgent(version, way));
  const release = new Map(releaseArchitectures.map((arch) => [executableName(arch), executable]));
  for (const name of installed) release.set(name.replace(/.*\//, ""), await readFile(`install/${name}`));
  const files = [...release].map(([name, body]) => ({
    name,
    sha256: createHash("sha256").update(body).digest("hex"),
    size: body.length,
  }));
  return release.set(MANIFEST, Buffer.from(formatManifest({ version, files })));
}

/** Puts one where a coordinator looks for releases. */
export async function layOutFakeRelease(root: string, version: string, way: FakeWay): Promise<void> {
  await mkdir(join(root, version));
  for (const [name, body] of await fakeRelease(version, way)) await writeFile(join(root, version, name), body);
}
