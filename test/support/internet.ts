import { networkInterfaces } from "node:os";
import { ip, type Namespace, startNamespace } from "./namespaces.ts";

/**
 * A small internet: places that each have one way to this machine, where coordinators
 * are, and another to the targets, so that either can be cut alone. What is cut loses
 * packets without a word, as it is outside.
 */
export interface Internet {
  /** This machine, as the places reach it. */
  readonly home: string;
  /** The hosts of the targets; each answers HTTP with 200 on port 80. */
  readonly targets: readonly string[];
  readonly places: readonly Place[];
  /** Takes a target off the net, for all. */
  cut(target: string): Promise<void>;
  mend(target: string): Promise<void>;
  stop(): Promise<void>;
}

/** Where an agent runs. */
export interface Place {
  /** A command that runs another there, in the same process. */
  readonly enter: readonly string[];
  /** The file of its network namespace. */
  readonly net: string;
  /** Cuts it from one target, or from all. */
  cut(target?: string): Promise<void>;
  mend(target?: string): Promise<void>;
}

const TARGET_PROGRAM = 'require("node:http").createServer((_, response) => response.end("ok")).listen(80)';

/** The plan: .1, .5, … this machine and .2, .6, … the places; .65, … and .66, … the way to the targets; from .129 on these. */
export async function startInternet(counts: { readonly places: number; readonly targets: number }): Promise<Internet> {
  const net = freeNet();
  const address = (n: number) => `${net}.${n}`;
  const namespaces: Namespace[] = [];
  const open = async (...holder: [string, ...string[]]): Promise<Namespace> => {
    const namespace = await startNamespace(...holder);
    namespaces.push(namespace);
    return namespace;
  };
  const stop = async () => void (await Promise.all(namespaces.map((namespace) => namespace.stop())));

  const home = address(1);
  const targets = Array.from({ length: counts.targets }, (_, n) => address(129 + n));

  async function connect(n: number, far: Namespace): Promise<Place> {
    const here = await open("sleep", "infinity");
    const [atHome, hereHome, atFar, hereFar] = [1, 2, 65, 66].map((first) => address(first + 4 * n)) as [
      string,
      string,
      string,
      string,
    ];
    const device = `wp${process.pid}-${n}`;
    await ip("link", "add", device, "type", "veth", "peer", "name", "home", "netns", String(here.pid));
    await ip("addr", "add", `${atHome}/30`, "dev", device);
    await ip("link", "set", "dev", device, "up");
    await here.ip("addr", "add", `${hereHome}/30`, "dev", "home");
    await here.ip("link", "set", "dev", "home", "up");
    if (atHome !== home) await here.ip("route", "add", home, "via", atHome);

    await far.ip("link", "add", `place${n}`, "type", "veth", "peer", "name", "far", "netns", String(here.pid));
    await far.ip("addr", "add", `${atFar}/30`, "dev", `place${n}`);
    await far.ip("link", "set", "dev", `place${n}`, "up");
    await here.ip("addr", "add", `${hereFar}/30`, "dev", "far");
    await here.ip("link", "set", "dev", "far", "up");
    await here.ip("route", "add", `${net}.128/25`, "via", atFar);
    return {
      enter: here.enter,
      net: here.path,
      // To where nobody answers for it; or the far end of the cable is pulled out.
      cut: (target) =>
        target
          ? here.ip("route", "add", `${target}/32`, "dev", "home")
          : far.ip("link", "set", "dev", `place${n}`, "down"),
      mend: (target) =>
        target ? here.ip("route", "del", `${target}/32`) : far.ip("link", "set", "dev", `place${n}`, "up"),
    };
  }

  try {
    const far = await open(process.execPath, "-e", TARGET_PROGRAM);
    const mend = (target: string) => far.ip("addr", "add", `${target}/32`, "dev", "lo");
    for (const target of targets) await mend(target);
    const places: Place[] = [];
    for (let n = 0; n < counts.places; n++) places.push(await connect(n, far));
    return {
      home,
      targets,
      places,
      cut: (target) => far.ip("addr", "del", `${target}/32`, "dev", "lo"),
      mend,
      stop,
    };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

/** The first three numbers of a net that this machine is not in. */
function freeNet(): string {
  const taken = Object.values(networkInterfaces()).flatMap((addresses) => addresses?.map(({ address }) => address));
  const nets = Array.from({ length: 256 }, (_, n) => `10.213.${n}`);
  const free = nets.filter((net) => !taken.some((address) => address?.startsWith(`${net}.`)));
  return free[Math.floor(Math.random() * free.length)] as string;
}
