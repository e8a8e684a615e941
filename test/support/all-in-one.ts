import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { familyOf } from "./process-family.ts";
import { until } from "./until.ts";

const entry = fileURLToPath(new URL("../../dist/coordinator/cli/main.js", import.meta.url));

export interface AllInOneOptions {
  readonly dataDir: string;
  readonly port: number;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** A command that runs it, such as as another user. */
  readonly prefix?: readonly string[];
}

/** `watchpost start`, the built one, in a process of its own. */
export interface AllInOne {
  readonly pid: number;
  readonly url: string;
  /** All that it wrote so far. */
  output(): string;
  /** Its exit code, null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Resolves when it says that it runs; fails when it ends before. */
  running(): Promise<void>;
  call<T>(path: string, body?: object): Promise<T>;
  /** Every process that belongs to it. */
  family(): Promise<number[]>;
}

export function runAllInOne({ dataDir, port, args = [], env, prefix = [] }: AllInOneOptions): AllInOne {
  const [command = "", ...rest] = [...prefix, process.execPath, entry, "start", ...args];
  const child = spawn(command, rest, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH, WATCHPOST_DATA: dataDir, PORT: String(port), ...env },
  });
  const url = `http://127.0.0.1:${port}`;
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
  let hasExited = false;
  const exited = once(child, "close").then(([code]) => {
    hasExited = true;
    return code as number | null;
  });
  return {
    pid: child.pid ?? 0,
    url,
    output: () => output,
    exited,
    async running() {
      await until(
        () => output,
        () => hasExited || output.includes("Ctrl-C stops everything"),
        { withinMs: 60_000 },
      );
      if (hasExited) throw new Error(`it ended: ${output}`);
    },
    async call<T>(path: string, body?: object) {
      const token = (await readFile(join(dataDir, "admin-token"), "utf8")).trim();
      const response = await fetch(`${url}${path}`, {
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        ...(body ? { method: "POST", body: JSON.stringify(body) } : {}),
      });
      return (await response.json()) as T;
    },
    family: async () => [child.pid ?? 0, ...(await familyOf(child.pid ?? 0))],
  };
}
