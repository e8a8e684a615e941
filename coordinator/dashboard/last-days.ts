import type { UptimeDayRow } from "../http/api-types.ts";
import type { Api } from "./api.ts";

/** It changes slowly, and costs the coordinator more than the list of monitors; in ms. */
const EVERY_MS = 30_000;

/** How each monitor did in the last 24 hours, by its id. */
export function createLastDays(api: Api) {
  let days: ReadonlyMap<string, UptimeDayRow> = new Map();
  let loadedAt = Number.NEGATIVE_INFINITY;
  return {
    shown: () => days,
    /** Whether there is something new. */
    async load(signal: AbortSignal): Promise<boolean> {
      if (performance.now() - loadedAt < EVERY_MS) return false;
      const rows = await api.list<UptimeDayRow>("/v1/uptime", signal);
      days = new Map(rows.map((row) => [row.monitorId, row]));
      loadedAt = performance.now();
      return true;
    },
  };
}
