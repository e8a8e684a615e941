import { isIP } from "node:net";
import type { Part } from "../shared/lifecycle.ts";
import type { Logger } from "../shared/logger.ts";
import { type Anchor, reach } from "./net/anchor.ts";
import type { Resolve } from "./net/resolve.ts";

const EVERY_MS = 10_000;
/** When a run fails it is repeated so soon, and runs that are asked for begin so far apart, in ms. */
const AGAIN_MS = 1_000;
/** How long a canary may take, in ms: two of TCP's repetitions of a lost packet. */
const DEADLINE_MS = 3_500;

/**
 * What an agent knows of its own network, by things that have nothing to do with the
 * targets: its resolver, its gateway, and up to two anchors of the operator's choice.
 */
export interface Canaries extends Part {
  /** Those that failed in two runs in a row; none when all is well, null before the first run. */
  readonly failing: readonly string[] | null;
  /** Those that fail at this moment, asked anew unless that was just done. */
  ask(): Promise<readonly string[]>;
}

export interface CanariesDeps {
  readonly resolve: Resolve;
  readonly anchors: readonly Anchor[];
  /** A host whose name the agent depends on anyway. */
  readonly coordinatorHost: string;
  readonly isGatewayThere: (signal: AbortSignal) => Promise<boolean | null>;
  readonly monotonic: () => number;
  readonly logger: Logger;
  readonly deadlineMs?: number;
}

export function createCanaries(deps: CanariesDeps): Canaries {
  const { resolve, anchors, coordinatorHost, isGatewayThere, monotonic, logger, deadlineMs = DEADLINE_MS } = deps;
  const names = [...new Set([coordinatorHost, ...anchors.map(({ host }) => host)])].filter((name) => isIP(name) === 0);
  let latest: { readonly begunAt: number; readonly failing: readonly string[] } | null = null;
  let confirmed: readonly string[] | null = null;
  let running: Promise<readonly string[]> | undefined;
  /** It may take the kernel seconds to find out, so that nobody waits for it. */
  let gateway: boolean | null = null;
  let isGatewayAsked = false;
  let timer: NodeJS.Timeout | undefined;
  let cut = (): void => undefined;
  let stopped = false;

  async function answers(work: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
    const cut = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    return await Promise.race([work, cut]).then(
      () => true,
      () => false,
    );
  }

  /** A server that says that there is no such name has answered. */
  const asked = (name: string): Promise<unknown> =>
    resolve(name, "any").catch((thrown: { code?: unknown }) => {
      if (thrown.code !== "ENOTFOUND" && thrown.code !== "ENODATA") throw thrown;
    });

  async function askGateway(signal: AbortSignal): Promise<void> {
    if (isGatewayAsked) return;
    isGatewayAsked = true;
    gateway = await isGatewayThere(signal);
    isGatewayAsked = false;
  }

  async function run(): Promise<readonly string[]> {
    const begunAt = monotonic();
    const controller = new AbortController();
    cut = () => controller.abort();
    setTimeout(cut, deadlineMs).unref();
    const { signal } = controller;
    void askGateway(signal);
    const [resolved, reached] = await Promise.all([
      Promise.all(names.map((name) => answers(asked(name), signal))),
      Promise.all(anchors.map((anchor) => answers(reach(anchor, resolve, signal), signal))),
    ]);
    if (stopped) return [];
    const failing = [
      ...(isNone(resolved) ? ["resolver"] : []),
      ...(gateway === false ? ["gateway"] : []),
      // One that is missing may be missing for everybody.
      ...(isNone(reached) ? anchors.map(({ name }) => `anchor ${name}`) : []),
    ];
    const before = latest?.failing ?? [];
    latest = { begunAt, failing };
    if (failing.length === 0 || before.length > 0) confirm(failing);
    plan(failing.length > 0 && before.length === 0 ? AGAIN_MS : EVERY_MS);
    return failing;
  }

  function confirm(failing: readonly string[]): void {
    const isNews = (confirmed ?? []).join() !== failing.join();
    confirmed = failing;
    if (!isNews) return;
    if (failing.length === 0) logger.info("The agent's own network is well again");
    else logger.warn({ failing }, "The agent's own network is in trouble: its canaries fail");
  }

  function plan(ms: number): void {
    clearTimeout(timer);
    if (!stopped) timer = setTimeout(() => void runOnce(), ms);
  }

  function runOnce(): Promise<readonly string[]> {
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  }

  return {
    get failing() {
      return confirmed;
    },
    async ask() {
      if (!running && latest && monotonic() - latest.begunAt < AGAIN_MS) return latest.failing;
      return await runOnce();
    },
    async start() {
      void runOnce();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      cut();
      await running;
    },
  };
}

/** Whether there are some and none of them is well. */
function isNone(well: readonly boolean[]): boolean {
  return well.length > 0 && !well.includes(true);
}
