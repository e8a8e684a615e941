import { existsSync, readFileSync } from "node:fs";

/** Watchpost's version, as package.json has it. */
export function readVersion(): string {
  // One folder up from the source, two from dist/.
  const path = ["../package.json", "../../package.json"]
    .map((relative) => new URL(relative, import.meta.url))
    .find((candidate) => existsSync(candidate));
  return path ? (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version : "unknown";
}
