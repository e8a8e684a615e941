import type { Monitor } from "../../shared/monitor.ts";
import { shardOf } from "../schedule/shard.ts";
import { SLOT_MS, slotAt } from "../schedule/slot.ts";
import type { VerdictHistoryStore } from "../store/verdict-history.ts";
import { freshnessMs } from "../verdict/verdict.ts";
import { spansOf } from "./spans.ts";
import type { MonitorStats, StatsDeps } from "./stats.ts";
import { statsOf } from "./stats.ts";
import type { DayUptime, UptimeWindow, WindowUptime } from "./uptime.ts";
import { cutTo, daysOf, incidentFigures, uptimeOf, uptimeWindows } from "./uptime.ts";

export interface UptimeDeps extends StatsDeps {
  readonly verdictHistory: VerdictHistoryStore;
}

/** A monitor's uptime by its verdicts over the last day, week, month and quarter, and day by day. */
export async function monitorUptime(
  deps: UptimeDeps,
  monitor: Monitor,
  now: number,
): Promise<{ readonly windows: readonly WindowUptime[]; readonly days: readonly DayUptime[] }> {
  const to = Math.floor(now);
  const whole = { from: Math.max(to - uptimeWindows["90d"], monitor.createdAt), to };
  const names = Object.keys(uptimeWindows) as UptimeWindow[];
  const [{ from: begun, incidents, wellBetween, ...history }, gaps, accounts] = await Promise.all([
    deps.verdictHistory.since(monitor.id, whole.from),
    deps.shards.gaps(shardOf(monitor.id), slotAt(whole.from), slotAt(to)),
    Promise.all(
      names.map((name) => statsOf(deps, monitor, { from: to - uptimeWindows[name], to, region: null, now }, false)),
    ),
  ]);
  const lifetime = freshnessMs(monitor);
  const silences = gaps.map((gap) => ({ from: gap.from * SLOT_MS + lifetime, to: (gap.to + 1) * SLOT_MS }));
  const ever = spansOf({ from: begun, to }, { ...history, silences });
  return {
    windows: names.map((window, n) => {
      const within = { from: Math.max(to - uptimeWindows[window], monitor.createdAt), to };
      const spans = cutTo(within, ever);
      const { coverage, scheduled, results, missed } = (accounts[n] as MonitorStats).total;
      return {
        window,
        ...within,
        ...uptimeOf(spans, monitor.slo),
        coverage,
        scheduled,
        results,
        missed,
        incidents: incidentFigures(within, incidents, ever, wellBetween),
      };
    }),
    days: daysOf(whole).map((day) => {
      const { errorBudget: _, ...figures } = uptimeOf(cutTo(day, ever), null);
      return { ...day, ...figures };
    }),
  };
}
