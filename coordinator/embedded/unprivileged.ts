import { spawn } from "node:child_process";
import { lchown, lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "../../shared/errors.ts";
import { endOf } from "./child-end.ts";

/**
 * A way to run a program that refuses to run as root. `prefix` goes before the
 * command; `owner` is whom its files belong to as root sees it, null when they
 * simply belong to whoever runs this process.
 */
export interface Unprivileged {
  readonly prefix: readonly string[];
  readonly owner: { readonly uid: number; readonly gid: number } | null;
}

/**
 * How to run `program` on `dir` without being root. Ordinary users need nothing.
 * Root becomes `nobody`; where the way to the program or the directory is barred
 * to others, as everything below /root is, `nobody` keeps the one right to pass
 * and to read and write files (CAP_DAC_OVERRIDE, also in access(2), hence the
 * secure bit), or else root is renamed in a user namespace. Each way is tried
 * before it is taken; `dir` and what is in it then belongs to the right owner.
 * @throws ConfigError when no way works.
 */
export async function unprivileged(program: string, dir: string): Promise<Unprivileged> {
  if (process.getuid?.() !== 0) return { prefix: [], owner: null };
  const nobody = await nobodyIds();
  const become = ["setpriv", `--reuid=${nobody.uid}`, `--regid=${nobody.gid}`, "--clear-groups"];
  const ways: Unprivileged[] = [
    { prefix: [...become, "--inh-caps=-all"], owner: nobody },
    {
      prefix: [
        ...become,
        "--securebits=+no_setuid_fixup",
        "--inh-caps=-all,+dac_override",
        "--ambient-caps=-all,+dac_override",
      ],
      owner: nobody,
    },
    { prefix: ["unshare", "--user", `--map-user=${nobody.uid}`], owner: { uid: 0, gid: 0 } },
  ];
  for (const way of ways) {
    await giveTo(dir, way.owner);
    if ((await works([...way.prefix, program, "--version"])) && (await works([...way.prefix, "test", "-w", dir]))) {
      return way;
    }
  }
  throw new ConfigError(
    "PostgreSQL does not run as root, and no way was found to run it as nobody here: " +
      "start Watchpost as an ordinary user, or set DATABASE_URL to a PostgreSQL server",
  );
}

async function works([command = "", ...args]: string[]): Promise<boolean> {
  const child = spawn(command, args, { stdio: "ignore", cwd: "/", timeout: 10_000 });
  return (await endOf(child)) === "exit code 0";
}

async function nobodyIds(): Promise<{ uid: number; gid: number }> {
  const users = await readFile("/etc/passwd", "utf8").catch(() => "");
  const [, , uid, gid] = /^nobody:.*$/m.exec(users)?.[0].split(":") ?? [];
  return { uid: Number(uid ?? 65_534), gid: Number(gid ?? 65_534) };
}

/** Changes owners below `dir` only where they are wrong: the usual start changes nothing. */
async function giveTo(dir: string, owner: Unprivileged["owner"]): Promise<void> {
  if (owner === null) return;
  const { uid } = await lstat(dir);
  if (uid === owner.uid) return;
  for (const entry of await readdir(dir, { recursive: true })) await lchown(join(dir, entry), owner.uid, owner.gid);
  // The directory itself comes last: its owner says that all of it was done.
  await lchown(dir, owner.uid, owner.gid);
}
