import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { readSettings } from "../../../shared/env.ts";
import { ConfigError, errorText } from "../../../shared/errors.ts";
import { withDeadline } from "../../../shared/lifecycle.ts";
import { freePort } from "../../embedded/free-port.ts";
import { createCoordinatorApi } from "./api.ts";
import { startBackends } from "./backends.ts";
import { becomesReady } from "./becomes-ready.ts";
import { openDataDir, spaceTrouble } from "./data-dir.ts";
import { startDemo } from "./demo.ts";
import { takeLock } from "./lock.ts";
import { checkPort } from "./port-check.ts";
import { createPrograms } from "./programs.ts";
import { startSettings } from "./settings.ts";
import { createStages } from "./stages.ts";
import { createSteps } from "./steps.ts";
import { type Running, type Supervision, supervise } from "./supervise.ts";
import { keptToken } from "./tokens.ts";

/** Where the agents of an installation that is all on one machine stand. */
const regions = ["eu-west", "us-east", "ap-south"];

const AGENTS_DEADLINE_MS = 20_000;
/** How long the children of a killed run may still hold the port, in ms. */
const LEFT_PORT_PATIENCE_MS = 10_000;
/** Whatever hangs then ends with this process. */
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
  if (values.tlsCert !== null || values.tlsKey !== null) {
    throw new ConfigError(
      "TLS_CERT and TLS_KEY are for `watchpost coordinator`: what `watchpost start` runs is on this machine; put a reverse proxy before it",
    );
  }
  const dir = await openDataDir(values.dataDir);
  const lock = await takeLock(dir.file("lock"));
  const steps = createSteps(out);
  const stages = createStages();
  const warn = (who: string, text: string): void => {
    if (!stages.stopping && !signal.aborted) steps.warn(who, text);
  };

  async function startAll(): Promise<void> {
    const port = values.port === 0 ? await freePort() : values.port;
    await checkPort(values.host, port, lock.wasLeft ? LEFT_PORT_PATIENCE_MS : 0);
    out(`Watchpost keeps everything in ${dir.path}`);
    const tooFull = await spaceTrouble(dir);
    if (tooFull !== null) steps.warn("start", tooFull);
    const admin = await keptToken(dir.file("admin-token"), "wpa", values.adminToken);
    const agent = await keptToken(dir.file("agent-token"), "wpg", values.agentToken);
    const { databases, queues } = await startBackends({
      values,
      dir,
      steps,
      warn,
      started: (server) => stages.add("servers", server),
    });
    const base = `http://${authority(values.host, port)}`;
    const api = createCoordinatorApi(base, admin.secret);
    const programs = createPrograms({ env: { ...env, ...queues, WATCHPOST_AGENT_TOKEN: agent.secret }, dir, warn });

    await steps.step("coordinator", async () => {
      const start = programs.coordinator({
        ...databases,
        HOST: values.host,
        PORT: String(port),
        WATCHPOST_ADMIN_TOKEN: admin.secret,
      });
      const first = start();
      stages.add("coordinator", first);
      await becomesReady(first, api.notReady, programs.logPath("coordinator"));
      stages.add("coordinator", again("the coordinator", first, start));
    });

    const target = await startDemo({ path: dir.file("demo.json"), wanted: demo, api, steps });
    if (target !== null) stages.add("demo", target);

    const startAgent = async (region: string): Promise<void> => {
      const start = programs.agent(region, {
        WATCHPOST_COORDINATOR_URL: base,
        WATCHPOST_AGENT_ID: `${region}-1`,
        WATCHPOST_ALLOW_PRIVATE_ADDRESSES: "true",
        WATCHPOST_HEALTH_PORT: "0",
        WATCHPOST_AGENT_SPOOL_DIR: dir.file(`spool-${region}`),
      });
      const first = start();
      stages.add("agents", again(`the agent in ${region}`, first, start));
      await withDeadline(first.started, AGENTS_DEADLINE_MS, `${region} is not ready`).catch((thrown) =>
        warn("agents", `${errorText(thrown)}: see ${dir.logs}`),
      );
    };
    await steps.step(
      "agents",
      () => Promise.all(regions.map(startAgent)),
      () => regions.join(", "),
    );

    await target?.makeMonitors();
    // For the commands that are called beside it.
    await writeFile(dir.file("url"), `${base}\n`);
    out(`\nWatchpost runs at ${base}`);
    if (admin.isNew) {
      out(`Open it signed in: ${base}/#token=${admin.secret}`);
      out(`The token in this link is the admin token, shown this once and kept in ${dir.file("admin-token")}`);
    }
    out("At the terminal: npx watchpost monitors\nCtrl-C stops everything.");
  }

  function again(name: string, first: Running, start: () => Running): Supervision {
    return supervise({ name, first, startAgain: async () => start(), say: (text) => warn("start", text) });
  }

  try {
    const stopped = signal.aborted ? Promise.resolve() : once(signal, "abort");
    await Promise.race([startAll(), stopped]);
    await stopped;
    out("Stopping…");
  } finally {
    await Promise.race([stages.stop(), sleep(STOP_DEADLINE_MS)]);
    await lock.release();
  }
  out("Stopped; everything is kept.");
}

/** Where to reach what listens on `host`: a wildcard address is none to connect to. */
function authority(host: string, port: number): string {
  if (host === "0.0.0.0") return `127.0.0.1:${port}`;
  if (host === "::") return `[::1]:${port}`;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
