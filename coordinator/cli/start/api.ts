import { errorText } from "../../../shared/errors.ts";
import type { MonitorDocument } from "../../../shared/monitor.ts";

const DEADLINE_MS = 5_000;

/** What starting everything asks of the coordinator it started. */
export interface CoordinatorApi {
  /** Null when it is ready to work, else what is missing. */
  notReady(): Promise<string | null>;
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
    async monitorNames() {
      const { data } = await answer<{ data: Array<{ name: string }> }>("/v1/monitors?limit=100");
      return data.map(({ name }) => name);
    },
    async createMonitor(document) {
      await answer("/v1/monitors", document);
    },
  };
}
