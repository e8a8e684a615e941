import type { Monitor } from "../../shared/monitor.ts";
import { shardOf } from "../schedule/shard.ts";
import { SLOT_MS, slotAt } from "../schedule/slot.ts";
import type { ShardStore } from "../store/shards.ts";
import type { VerdictHistoryStore } from "../store/verdict-history.ts";
import type { Verdict } from "../verdict/verdict.ts";
import { freshnessMs } from "../verdict/verdict.ts";
import type { Span } from "./spans.ts";
import { spansOf } from "./spans.ts";
import type { LastDay } from "./uptime.ts";
import { cutTo, uptimeOf } from "./uptime.ts";

const HOUR_MS = 3_600_000;
const HOURS = 24;
const worstFirst = ["down", "degraded", "up"] as const;

/** How monitors did in the last 24 hours, in their order; by their verdicts, as `monitorUptime` has them. */
export async function lastDays(
  {
    verdictHistory,
    shards,
  }: { readonly verdictHistory: Pick<VerdictHistoryStore, "ofAll">; readonly shards: Pick<ShardStore, "gaps"> },
  monitors: readonly Monitor[],
  now: number,
): Promise<LastDay[]> {
  const to = Math.floor(now);
  const from = to - HOURS * HOUR_MS;
  const ids = monitors.map(({ id }) => id);
  const [histories, gaps] = await Promise.all([
    verdictHistory.ofAll(ids, from),
    Promise.all([...new Set(ids.map(shardOf))].map((shard) => shards.gaps(shard, slotAt(from), slotAt(to)))),
  ]);
  const all = gaps.flat();
  return monitors.map((monitor) => {
    const { id, createdAt } = monitor;
    const { changes = [], sightings = [] } = histories.get(id) ?? {};
    const lifetime = freshnessMs(monitor);
    const silences = all
      .filter(({ shard }) => shard === shardOf(id))
      .map((gap) => ({ from: gap.from * SLOT_MS + lifetime, to: (gap.to + 1) * SLOT_MS }));
    const spans = spansOf({ from: Math.max(from, createdAt), to }, { changes, sightings, silences });
    const hours = Array.from({ length: HOURS }, (_, n) => worstOf(cutTo(hourAfter(from, n), spans)));
    return { monitorId: id, uptime: uptimeOf(spans, null).uptime, hours };
  });
}

const hourAfter = (from: number, n: number) => ({ from: from + n * HOUR_MS, to: from + (n + 1) * HOUR_MS });

function worstOf(spans: readonly Span[]): LastDay["hours"][number] {
  const seen = new Set<Verdict>(spans.map(({ verdict }) => verdict));
  return worstFirst.find((verdict) => seen.has(verdict)) ?? null;
}
