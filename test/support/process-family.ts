import { readdir, readFile } from "node:fs/promises";

interface Entry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
}

/** The living processes below `pid`, and all in the process groups that they lead, whoever their parent is by now. */
export async function familyOf(pid: number): Promise<number[]> {
  const all = await processes();
  const family = new Set<number>();
  const add = (parent: number): void => {
    for (const entry of all) {
      if (entry.parent !== parent || family.has(entry.pid)) continue;
      family.add(entry.pid);
      add(entry.pid);
    }
  };
  add(pid);
  for (const entry of all) if (family.has(entry.group)) family.add(entry.pid);
  return [...family];
}

/** The living processes of the group that `leader` leads, itself included. */
export async function groupOf(leader: number): Promise<number[]> {
  return (await processes()).filter(({ group }) => group === leader).map(({ pid }) => pid);
}

/** Those of the processes that still live. */
export async function living(pids: readonly number[]): Promise<number[]> {
  const alive = new Set((await processes()).map(({ pid }) => pid));
  return pids.filter((pid) => alive.has(pid));
}

/** Every process but those that only wait to be reaped; proc(5), "stat". */
async function processes(): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => null);
    if (stat === null) continue;
    const [state, parent, group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state !== "Z") entries.push({ pid: Number(name), parent: Number(parent), group: Number(group) });
  }
  return entries;
}

export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "ESRCH") throw thrown;
    }
  }
}
