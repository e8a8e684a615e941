import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { readSettings } from "../../../shared/env.ts";
import { ConfigError } from "../../../shared/errors.ts";
import { lastWords } from "../../embedded/child-end.ts";
import { freePort } from "../../embedded/free-port.ts";
import { createCoordinatorApi, untilNull } from "./api.ts";
import { startBackends } from "./backends.ts";
import { openDataDir } from "./data-dir.ts";
import { startDemo } from "./demo.ts";
import { takeLock } from "./lock.ts";
import { checkPort } from "./port-check.ts";
import { createPrograms } from "./programs.ts";
import { startSettings } from "./settings.ts";
import { createSteps } from "./steps.ts";
import { type Running, supervise } from "./supervise.ts";
import { keptToken } from "./tokens.ts";

/** Where the agents of an installation that is all on one machine stand. */
const regions = ["eu-west", "us-east", "ap-south"];

const READY_DEADLINE_MS = 60_000;
const AGENTS_DEADLINE_MS = 20_000;
/** How long the children of a killed run may still hold the port, in ms. */
const LEFT_PORT_PATIENCE_MS = 10_000;
/** What stops after what, and the patience with it, in ms; all of it together takes less than 5 s. */
const stages = { demo: 500, agents: 1_500, coordinator: 1_300, servers: 1_300 };
type Stage = keyof typeof stages;
const STOP_DEADLINE_MS = 4_800;

export interface RunOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Whether a new data directory gets a demo target and its monitors. */
  readonly demo: boolean;
  readonly out: (line: string) => void;
  /** Aborted when all should stop. */
  readonly signal: AbortSignal;
}

/**
 * Runs everything on this machine until the signal aborts: databases, queues, the
 * coordinator and three agents, each a process of its own that is started again
 * if it ends. When this process is killed, they all end.
 * @throws ConfigError when it cannot work as configured, such as with a busy port.
 */
export async function runAllInOne({ env, demo, out, signal }: RunOptions): Promise<void> {
  const values = readSettings(startSettings, env);
  const dir = await openDataDir(values.dataDir);
  const lock = await takeLock(dir.file("lock"));
  const steps = createSteps(out);
  let stopping = false;
  const warn = (who: string, text: string) => stopping || signal.aborted || steps.warn(who, text);
  const started: Array<readonly [Stage, Pick<Running, "stop">]> = [];

  function has(stage: Stage, part: Pick<Running, "stop">): void {
    started.push([stage, part]);
    // What came up while all was being stopped.
    if (stopping) void part.stop(stages[stage]);
  }

  async function stopAll(): Promise<void> {
    stopping = true;
    for (const stage of Object.keys(stages) as Stage[]) {
      const parts = started.filter(([of]) => of === stage).reverse();
      await Promise.all(parts.map(([, part]) => part.stop(stages[stage])));
    }
  }

  async function startAll(): Promise<void> {
    const port = values.port === 0 ? await freePort() : values.port;
    await checkPort(values.host, port, lock.wasLeft ? LEFT_PORT_PATIENCE_MS : 0);
    out(`Watchpost keeps everything in ${dir.path}`);
    const admin = await keptToken(dir.file("admin-token"), "wpa", values.adminToken);
    const agent = await keptToken(dir.file("agent-token"), "wpg", values.agentToken);
    const backends = await startBackends({ values, dir, steps, started: (server) => has("servers", server) });

    const base = `http://${authority(values.host, port)}`;
    const api = createCoordinatorApi(base, admin.secret);
    const programs = createPrograms({
      env: { ...env, ...backends.queues, WATCHPOST_AGENT_TOKEN: agent.secret },
      dir,
      warn,
    });
    const coordinator = programs.coordinator({
      ...backends.databases,
      HOST: values.host,
      PORT: String(port),
      WATCHPOST_ADMIN_TOKEN: admin.secret,
    });
    await steps.step("coordinator", async () => {
      const first = coordinator();
      has("coordinator", first);
      await becomesReady(first, api.notReady, programs.logPath("coordinator"));
      has(
        "coordinator",
        supervise(
          "the coordinator",
          first,
          async () => coordinator(),
          (text) => warn("start", text),
        ),
      );
    });
    await steps.step(
      "agents",
      async () => {
        for (const region of regions) {
          const start = programs.agent(region, {
            WATCHPOST_COORDINATOR_URL: base,
            WATCHPOST_AGENT_ID: `${region}-1`,
            WATCHPOST_ALLOW_PRIVATE_ADDRESSES: "true",
            WATCHPOST_HEALTH_PORT: "0",
          });
          has(
            "agents",
            supervise(
              `the agent in ${region}`,
              start(),
              async () => start(),
              (text) => warn("start", text),
            ),
          );
        }
        const missing = await untilNull(missingRegions, AGENTS_DEADLINE_MS, signal);
        if (missing !== null) warn("start", `no agent yet in ${missing}: see ${dir.logs}`);
      },
      () => regions.join(", "),
    );
    const target = await startDemo({ path: dir.file("demo.json"), wanted: demo, api, steps });
    if (target !== null) has("demo", target);
    // For the commands that are called beside it.
    await writeFile(dir.file("url"), `${base}\n`);
    sayWhereItIs(base, admin);

    async function missingRegions(): Promise<string | null> {
      const live = await api.liveRegions();
      return regions.filter((region) => !live.includes(region)).join(", ") || null;
    }
  }

  function sayWhereItIs(base: string, admin: { secret: string; isNew: boolean }): void {
    out(`\nWatchpost runs at ${base}`);
    if (admin.isNew) out(`The admin token, shown this once and kept in ${dir.file("admin-token")}:\n  ${admin.secret}`);
    out("Look at it with: npx watchpost monitors\nCtrl-C stops everything.");
  }

  try {
    const stopped = signal.aborted ? Promise.resolve() : once(signal, "abort");
    await Promise.race([startAll(), stopped]);
    await stopped;
    out("Stopping…");
  } finally {
    await Promise.race([stopAll(), sleep(STOP_DEADLINE_MS)]);
    await lock.release();
  }
  out("Stopped; everything is kept.");
}

async function becomesReady(program: Running, notReady: () => Promise<string | null>, log: string): Promise<void> {
  const waiting = new AbortController();
  const end = program.ended.then((how) => {
    waiting.abort();
    return how;
  });
  const missing = await untilNull(notReady, READY_DEADLINE_MS, waiting.signal);
  if (missing === null) return;
  if (!waiting.signal.aborted) throw new Error(`the coordinator is not ready: ${missing}; see ${log}`);
  const how = await end;
  const words = (await lastWords(log, 1)).replace(/^watchpost: /, "");
  if (how === "exit code 2") throw new ConfigError(words);
  throw new Error(`the coordinator ended (${how}): ${words}; see ${log}`);
}

/** Where to reach what listens on `host`: a wildcard address is none to connect to. */
function authority(host: string, port: number): string {
  if (host === "0.0.0.0") return `127.0.0.1:${port}`;
  if (host === "::") return `[::1]:${port}`;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
