#!/usr/bin/env node
// Loads nothing before the version check: a too old Node must get as far as saying so.

/** The oldest Node that Watchpost runs on; the same as `engines` in package.json. */
const floor = [20, 19] as const;
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < floor[0] || (major === floor[0] && minor < floor[1])) {
  process.stderr.write(
    `watchpost: needs Node ${floor.join(".")} or newer, and this is ${process.versions.node}: see https://nodejs.org\n`,
  );
  process.exitCode = 2;
} else {
  void import("./program.ts").then(({ main }) => main());
}
