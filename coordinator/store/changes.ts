import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import { backoffMs } from "../../shared/retry.ts";

const CONNECT_TIMEOUT_MS = 5_000;
/** A connection that says nothing may be dead without either side knowing; it is asked this often, in ms. */
const PROBE_EVERY_MS = 15_000;

/** The channels of NOTIFY, as triggers of the schema call them. */
export type ChangeChannel =
  /** A monitor was created, changed or removed: its id. */
  | "watchpost_monitors"
  /** A region was added or retired. */
  | "watchpost_regions"
  /** An agent was enrolled or revoked, or its secret is being rotated: the agent's id. */
  | "watchpost_agents"
  /** An agent was drained or resumed. */
  | "watchpost_drains"
  /** An upgrade of agents was asked for. */
  | "watchpost_upgrades"
  /** An API token was removed: its id. */
  | "watchpost_tokens"
  /** There is something to tell people of. */
  | "watchpost_notices"
  /** A maintenance window was made, changed or removed. */
  | "watchpost_maintenance"
  /** A status or an incident has changed, for those who look on: what, and its id. */
  | "watchpost_live";

export interface ChangeListener {
  /** What is done with the payload of each channel that is listened to. */
  readonly on: Readonly<Partial<Record<ChangeChannel, (payload: string) => void>>>;
  /** The connection is new: changes before it may have gone unheard. */
  onGap(): void;
}

/**
 * Hears of changes in PostgreSQL by LISTEN/NOTIFY, on a connection of its own that
 * is made again, with backoff, whenever it breaks.
 */
export function listenForChanges(url: string, { on, onGap }: ChangeListener, logger: Logger): Part {
  const stopping = new AbortController();
  let running = Promise.resolve();

  async function listenOnce(): Promise<void> {
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      application_name: "watchpost changes",
    });
    const broken = new Promise<never>((_, reject) => {
      client.on("error", reject);
      client.on("end", () => reject(new Error("the connection was closed")));
      stopping.signal.addEventListener("abort", () => reject(new Error("stopping")), { once: true });
    });
    broken.catch(() => undefined);
    const probe = setInterval(
      () => client.query("SELECT 1").catch((thrown) => client.emit("error", thrown)),
      PROBE_EVERY_MS,
    );
    try {
      await Promise.race([client.connect(), broken]);
      client.on("notification", ({ channel, payload }) => {
        on[channel as ChangeChannel]?.(payload ?? "");
      });
      const listening = Object.keys(on).map((channel) => `LISTEN ${channel}`);
      await Promise.race([client.query(listening.join("; ")), broken]);
      onGap();
      await broken;
    } finally {
      clearInterval(probe);
      await client.end().catch(() => undefined);
    }
  }

  async function run(): Promise<void> {
    for (let attempt = 0; !stopping.signal.aborted; attempt++) {
      const begun = performance.now();
      try {
        await listenOnce();
      } catch (thrown) {
        if (stopping.signal.aborted) return;
        if (performance.now() - begun > PROBE_EVERY_MS) attempt = 0;
        logger.warn({ reason: errorText(thrown) }, "Lost the connection that hears of changes; a slow re-read goes on");
        await sleep(backoffMs(attempt, { baseMs: 100, capMs: 5_000 }), undefined, { signal: stopping.signal }).catch(
          () => undefined,
        );
      }
    }
  }

  return {
    async start() {
      running = run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
