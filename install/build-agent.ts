import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { errorText } from "../shared/errors.ts";
import { isReleaseVersion, releaseArchitectures } from "../shared/release.ts";
import { makeRelease } from "./agent-release/release.ts";

const USAGE = `Usage: npm run build:agent -- [--version X.Y.Z] [--arch ${releaseArchitectures.join("|")}]... [--output DIR]

Makes the agent's release, one executable for each architecture with what installs it, in
DIR/VERSION: dist/agent-release and the version of package.json unless told otherwise.
`;

try {
  const { values } = parseArgs({
    options: {
      version: { type: "string" },
      arch: { type: "string", multiple: true },
      output: { type: "string", default: "dist/agent-release" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) process.stdout.write(USAGE);
  else
    process.stdout.write(
      `${await makeRelease(values.output, versionOf(values.version), architecturesOf(values.arch))}\n`,
    );
} catch (thrown) {
  process.stderr.write(`build:agent: ${errorText(thrown)}\n`);
  process.exitCode = 1;
}

function versionOf(given: string | undefined): string {
  const version = given ?? (JSON.parse(readFileSync("package.json", "utf8")) as { version: string }).version;
  if (!isReleaseVersion(version)) throw new Error(`--version must be a version such as 1.2.3 or 1.3.0-rc.1`);
  return version;
}

function architecturesOf(given: readonly string[] | undefined) {
  if (given === undefined) return releaseArchitectures;
  const unknown = given.filter((arch) => !releaseArchitectures.some((known) => known === arch));
  if (unknown.length > 0) throw new Error(`--arch must be one of ${releaseArchitectures.join(", ")}`);
  return releaseArchitectures.filter((arch) => given.includes(arch));
}
