import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { spawnLeashed } from "../../coordinator/embedded/leash.ts";
import { startNamespace } from "./namespaces.ts";
import { tempDir } from "./temp-dir.ts";
import { until } from "./until.ts";

const exec = promisify(execFile);

/** The tree that machines are made of: this machine's own, or another system's that was laid out by hand. */
const base = process.env.WATCHPOST_TEST_ROOT ?? "/";

/**
 * Becomes the machine: a tree of its own in memory over the base, which is left as it is, without the services
 * that somebody enabled there. The mounts are this process's alone and go with it.
 */
const bootScript = `
set -eu
dir=$1 base=$2 name=$3 net=$4
shift 4
mount -t tmpfs -o mode=0755 machine "$dir"
mkdir "$dir/upper" "$dir/work" "$dir/root"
mount -t overlay machine -o "lowerdir=$base,upperdir=$dir/upper,workdir=$dir/work" "$dir/root"
cd "$dir/root"
rm -rf etc/systemd/system etc/rc?.d opt etc/watchpost-agent var/lib/private/watchpost-agent var/log/journal
mkdir -p etc/systemd/system opt var/log/journal
: >etc/fstab
tr -d - </proc/sys/kernel/random/uuid >etc/machine-id
echo "$name" >etc/hostname
exec systemd-nspawn --quiet --boot --register=no --keep-unit --link-journal=no --console=pipe \
  --resolv-conf=off --timezone=off --machine="$name" --directory="$dir/root" --network-namespace-path="$net" "$@"
`;

/** What a machine is asked with, and what came of it. */
export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A minute, unless it says otherwise. */
  readonly withinMs?: number;
}

/** A machine with systemd as its first process and a network of its own, that goes with the test's process. */
export interface Machine {
  readonly name: string;
  /** Runs a shell script in it, as root. */
  run(script: string, options?: RunOptions): Promise<Ran>;
  /** The same, of a script that must succeed; resolves to what it wrote. */
  must(script: string, options?: RunOptions): Promise<string>;
  /**
   * Every file in which it differs from the tree it was made of, with what is there now. Left out is what a
   * machine writes as it runs: its logs, its temporary files, and systemd's own notes.
   */
  changes(): Promise<Record<string, string>>;
  /** Writes a file of it from outside. */
  write(path: string, content: string | Buffer, mode?: string): Promise<void>;
  stop(): Promise<void>;
}

/** Why no machine can be booted here; null when one was. */
export async function whyNoMachines(): Promise<string | null> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "that takes root on Linux";
  try {
    await exec("systemd-nspawn", ["--version"]);
  } catch {
    return "there is no systemd-nspawn: apt-get install systemd-container";
  }
  try {
    const net = await startNamespace("sleep", "infinity");
    try {
      await (await startMachine({ net: net.path })).stop();
    } finally {
      await net.stop();
    }
    return null;
  } catch (thrown) {
    return (thrown as Error).message.trim().replaceAll(/\s*\n\s*/g, " ");
  }
}

let count = 0;

/**
 * Boots a machine (1 s).
 * @param net the network namespace that it is put into, as a path
 * @param shows what of this machine it shows where, for reading: its paths there, and those here
 */
export async function startMachine({
  net,
  shows = {},
}: {
  readonly net: string;
  readonly shows?: Readonly<Record<string, string>>;
}): Promise<Machine> {
  const name = `wp${process.pid}-${++count}`;
  const dir = await tempDir();
  const child = spawnLeashed({
    command: "unshare",
    args: [
      "--mount",
      "--propagation",
      "private",
      "/bin/sh",
      "-c",
      bootScript,
      "machine",
      dir.path,
      base,
      name,
      net,
      ...Object.entries(shows).map(([there, here]) => `--bind-ro=${here}:${there}`),
    ],
    signal: "TERM",
    stdout: "pipe",
    options: { cwd: "/" },
  });
  let said = "";
  child.stdout?.on("data", (data) => (said += data));
  const ended = once(child, "close");
  const pid = child.pid as number;
  const inside = (path: string) => `/proc/${pid}/root${dir.path}/upper${path}`;

  async function stop(): Promise<void> {
    // Nothing on it is worth an orderly end. With its first process everything on it goes, and then systemd-nspawn.
    const leader = await firstProcessBelow(pid, child.exitCode);
    if (typeof leader === "number") process.kill(leader, "SIGKILL");
    else child.kill("SIGTERM");
    await ended;
    await dir.remove();
  }

  try {
    const leader = await until(
      () => firstProcessBelow(pid, child.exitCode),
      (found) => found !== null,
      { withinMs: 20_000 },
    );
    if (leader === "ended") throw new Error(`systemd-nspawn ended: ${said}`);
    const spaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd"];
    const enter = ["--target", String(leader), ...spaces, "--"];

    async function run(script: string, { input = "", env = {}, withinMs = 60_000 }: RunOptions = {}): Promise<Ran> {
      const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
      const shell = spawn("nsenter", [...enter, "/bin/sh", "-c", script], {
        env: { PATH, HOME: "/root", LANG: "C.UTF-8", ...env },
        // In a process group of its own: a script that signals its group, by `kill -STOP 0` say, is not to stop the tests.
        detached: true,
        timeout: withinMs,
        killSignal: "SIGKILL",
      });
      let [out, err] = ["", ""];
      shell.stdout.on("data", (data) => (out += data));
      shell.stderr.on("data", (data) => (err += data));
      shell.stdin.on("error", () => undefined);
      shell.stdin.end(input);
      const [code] = await once(shell, "close");
      return { code, out, err };
    }

    async function must(script: string, runOptions?: RunOptions): Promise<string> {
      const { code, out, err } = await run(script, runOptions);
      if (code !== 0) throw new Error(`${name}: ${script}\nended with ${code}\n${out}${err}`);
      return out;
    }

    const machine: Machine = {
      name,
      run,
      must,
      changes: () => differences(inside("")),
      async write(path, content, mode = "644") {
        await must(`mkdir -p "$(dirname "$1")"; base64 -d >"$1"; chmod ${mode} "$1"`.replaceAll("$1", path), {
          input: Buffer.from(content).toString("base64"),
        });
      },
      stop,
    };
    await until(
      () => machine.run("systemctl is-system-running 2>&1"),
      ({ out }) => /^(running|degraded)/.test(out),
      { withinMs: 30_000 },
    );
    return machine;
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

/** Adds an authority to those that the machine trusts, as `update-ca-certificates` does. */
export async function trust(machine: Machine, certificate: string): Promise<void> {
  await machine.write("/usr/local/share/ca-certificates/test.crt", certificate);
  await machine.must("cat /usr/local/share/ca-certificates/test.crt >>/etc/ssl/certs/ca-certificates.crt");
}

/** The process that is number 1 in a pid namespace below this one, or that this one has ended. */
async function firstProcessBelow(pid: number, exitCode: number | null): Promise<number | "ended" | null> {
  if (exitCode !== null) return "ended";
  for (const child of await childrenOf(pid)) {
    const status = await readFile(`/proc/${child}/status`, "utf8").catch(() => "");
    const isFirst = /^NSpid:.*\s1$/m.test(status);
    // What is to become the system's first process is still nspawn's own for a moment.
    if (isFirst && /^Name:\s+(systemd|init)$/m.test(status)) return child;
    const below = await firstProcessBelow(child, null);
    if (below !== null) return below;
  }
  return null;
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  return text.split(" ").filter(Boolean).map(Number);
}

/** What a machine writes by itself. */
const ownNotes = /^\/(var\/log|var\/tmp|var\/lib\/systemd|var\/cache|tmp|run|dev|proc|sys)(\/|$)/;

async function differences(upper: string, path = "", found: Record<string, string> = {}) {
  for (const { name } of await readdir(upper + path, { withFileTypes: true })) {
    const below = `${path}/${name}`;
    if (ownNotes.test(below)) continue;
    const [here, there] = [await lstat(upper + below), await lstat(join(base, below)).catch(() => null)];
    const about = `${(here.mode & 0o7777).toString(8)} ${here.uid}:${here.gid}`;
    if (here.isDirectory()) {
      // A directory is there as soon as something within it is other than before.
      const isSame =
        there?.isDirectory() && there.mode === here.mode && there.uid === here.uid && there.gid === here.gid;
      if (!isSame) found[below] = `directory ${about}`;
      await differences(upper, below, found);
    } else if (here.isFile()) {
      found[below] = `file ${about} ${createHash("sha256")
        .update(await readFile(upper + below))
        .digest("hex")}`;
    } else if (here.isSymbolicLink()) {
      found[below] = `link to ${await readlink(upper + below)}`;
    } else if (here.isCharacterDevice() && here.rdev === 0) {
      found[below] = "removed";
    } else {
      found[below] = `other ${about}`;
    }
  }
  return found;
}
