import { existsSync, readFileSync } from "node:fs";

/** Put in where the program is made into one executable, which has no package.json beside it. */
declare const WATCHPOST_VERSION: string | undefined;

/** Watchpost's version, as package.json has it. */
export function readVersion(): string {
  if (typeof WATCHPOST_VERSION === "string") return WATCHPOST_VERSION;
  // One folder up from the source, two from dist/.
  const path = ["../package.json", "../../package.json"]
    .map((relative) => new URL(relative, import.meta.url))
    .find((candidate) => existsSync(candidate));
  return path ? (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version : "unknown";
}
