import { spawn } from "node:child_process";
import { lchown, lstat, readdir, readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../shared/errors.ts";
import { endOf } from "./child-end.ts";

/** The id of `nobody` on nearly every system. */
const NOBODY = 65_534;

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
 * secure bit), or else root is renamed in a user namespace. So is a user without
 * a name, as in a container that was given a bare uid, because initdb asks for it.
 * Each way is tried before it is taken; `dir` then belongs to the right owner.
 * @throws ConfigError when no way works.
 */
export async function unprivileged(program: string, dir: string): Promise<Unprivileged> {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && hasName()) return { prefix: [], owner: null };
  for (const way of isRoot ? await waysOfRoot() : [renamed(null)]) {
    await giveTo(dir, way.owner);
    if ((await works([...way.prefix, program, "--version"])) && (await works([...way.prefix, "test", "-w", dir]))) {
      return way;
    }
  }
  throw new ConfigError(
    isRoot
      ? "PostgreSQL does not run as root, and no way was found to run it as nobody here: start Watchpost as an ordinary user, or set DATABASE_URL to a PostgreSQL server"
      : `PostgreSQL does not run as a user without a name: give user ${process.getuid?.()} a line in /etc/passwd, or set DATABASE_URL to a PostgreSQL server`,
  );
}

async function waysOfRoot(): Promise<Unprivileged[]> {
  const nobody = await nobodyIds();
  const become = ["setpriv", `--reuid=${nobody.uid}`, `--regid=${nobody.gid}`, "--clear-groups"];
  const keep = ["--securebits=+no_setuid_fixup", "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"];
  return [
    { prefix: [...become, "--inh-caps=-all"], owner: nobody },
    { prefix: [...become, ...keep], owner: nobody },
    renamed({ uid: 0, gid: 0 }),
  ];
}

const renamed = (owner: Unprivileged["owner"]): Unprivileged => ({
  prefix: ["unshare", "--user", `--map-user=${NOBODY}`],
  owner,
});

function hasName(): boolean {
  try {
    return userInfo().username !== "";
  } catch {
    return false;
  }
}

async function works([command = "", ...args]: string[]): Promise<boolean> {
  const child = spawn(command, args, { stdio: "ignore", cwd: "/", timeout: 10_000 });
  return (await endOf(child)) === "exit code 0";
}

async function nobodyIds(): Promise<{ uid: number; gid: number }> {
  const users = await readFile("/etc/passwd", "utf8").catch(() => "");
  const [, , uid, gid] = /^nobody:.*$/m.exec(users)?.[0].split(":") ?? [];
  return { uid: Number(uid ?? NOBODY), gid: Number(gid ?? NOBODY) };
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
