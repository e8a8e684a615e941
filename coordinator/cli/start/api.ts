import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../../../shared/errors.ts";
import type { MonitorDocument } from "../../../shared/monitor.ts";

const DEADLINE_MS = 5_000;
const LOOK_EVERY_MS = 100;

/** What starting everything asks of the coordinator it started. */
export interface CoordinatorApi {
  /** Null when it is ready to work, else what is missing. */
  notReady(): Promise<string | null>;
  /** The regions that have a live agent. */
  liveRegions(): Promise<string[]>;
  monitorNames(): Promise<string[]>;
  createMonitor(document: MonitorDocument): Promise<void>;
}

export function createCoordinatorApi(base: string, token: string): CoordinatorApi {
  const call = (path: string, body?: object): Promise<Response> =>
    fetch(new URL(path, base), {
      signal: AbortSignal.timeout(DEADLINE_MS),
      headers: { authorization: `Bearer ${token}`, ...(body ? { "content-type": "application/json" } : {}) },
      ...(body ? { method: "POST", body: JSON.stringify(body) } : {}),
    });

  async function answer<T>(path: string, body?: object): Promise<T> {
    const response = await call(path, body);
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
    return (await response.json()) as T;
  }

  return {
    async notReady() {
      try {
        const response = await call("/readyz");
        if (response.ok) return null;
        const { checks = {} } = (await response.json()) as {
          checks?: Record<string, { ok: boolean; reason?: string }>;
        };
        const missing = Object.entries(checks).filter(([, { ok }]) => !ok);
        return missing.map(([name, { reason }]) => `${name}: ${reason}`).join("; ") || `HTTP ${response.status}`;
      } catch (thrown) {
        return errorText((thrown as Error).cause ?? thrown);
      }
    },
    async liveRegions() {
      const { data } = await answer<{ data: Array<{ region: string; agents: { online: number } }> }>("/v1/regions");
      return data.filter(({ agents }) => agents.online > 0).map(({ region }) => region);
    },
    async monitorNames() {
      const { data } = await answer<{ data: Array<{ name: string }> }>("/v1/monitors?limit=100");
      return data.map(({ name }) => name);
    },
    async createMonitor(document) {
      await answer("/v1/monitors", document);
    },
  };
}

/** Asks until the answer is null, `deadlineMs` have passed or the signal aborts; then what the last answer was. */
export async function untilNull(
  ask: () => Promise<string | null>,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<string | null> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer === null || signal.aborted || performance.now() >= end) return answer;
    await sleep(LOOK_EVERY_MS);
  }
}
