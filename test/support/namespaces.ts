import { type ChildProcess, execFile } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { spawnLeashed } from "../../coordinator/embedded/leash.ts";

const exec = promisify(execFile);
const DEADLINE_MS = 10_000;

/**
 * A network namespace. It has no name: a process holds it, which ends with the test's,
 * even by SIGKILL, and with it go the namespace and every link into it.
 */
export interface Namespace {
  readonly pid: number;
  /** The file that stands for it. */
  readonly path: string;
  /** A command that runs another within it, in the same process. */
  readonly enter: readonly string[];
  /** Runs `ip` within it. */
  ip(...args: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

/** Why network namespaces cannot be made here; null when they can. */
export async function whyNoNamespaces(): Promise<string | null> {
  try {
    await exec("unshare", ["--net", "ip", "link", "add", "one", "type", "veth", "peer", "name", "two"], {
      timeout: DEADLINE_MS,
    });
    return null;
  } catch (thrown) {
    return (thrown as Error).message.trim().replaceAll("\n", " ");
  }
}

/** Runs `ip` on the machine itself. */
export async function ip(...args: readonly string[]): Promise<void> {
  await exec("ip", [...args], { timeout: DEADLINE_MS });
}

/** @param holder the program that holds it. */
export async function startNamespace(...holder: readonly [string, ...string[]]): Promise<Namespace> {
  const child = spawnLeashed({
    command: "unshare",
    args: ["--net", "/bin/sh", "-c", 'ip link set lo up && echo up && exec "$@"', "namespace", ...holder],
    signal: "TERM",
    stdout: "pipe",
  });
  const exited = once(child, "exit");
  const [said] = await Promise.race([once(child.stdout as NonNullable<ChildProcess["stdout"]>, "data"), exited]);
  if (!String(said).startsWith("up")) throw new Error(`no network namespace: ${said}`);
  const pid = child.pid as number;
  const path = `/proc/${pid}/ns/net`;
  const enter = ["nsenter", `--net=${path}`] as const;
  return {
    pid,
    path,
    enter,
    async ip(...args) {
      const [command, ...rest] = enter;
      await exec(command, [...rest, "ip", ...args], { timeout: DEADLINE_MS });
    },
    async stop() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
