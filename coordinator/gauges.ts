import type { AgentTunnels } from "./agents/tunnel.ts";
import type { RegionQueues } from "./dispatch/region-queues.ts";
import type { Spool } from "./ingest/spool.ts";
import type { Statuses } from "./ingest/statuses.ts";
import type { ResultsWorkers } from "./ingest/workers.ts";
import type { LiveClients } from "./live/clients.ts";
import type { Metrics } from "./metrics.ts";
import type { IncidentStore } from "./store/incident-store.ts";
import type { Vantage } from "./vantage/vantage.ts";

/** What `/metrics` tells of how much there is now of this and that. */
export function coordinatorGauges(
  metrics: Pick<Metrics, "gauge" | "gauges">,
  {
    queues,
    workers,
    spool,
    vantage,
    pending,
    incidents,
    tunnels,
    liveClients,
  }: {
    readonly queues: Pick<RegionQueues, "depths">;
    readonly workers: Pick<ResultsWorkers, "depths">;
    readonly spool: Pick<Spool, "bytes" | "blocks">;
    readonly vantage: Pick<Vantage, "impaired">;
    readonly pending: Pick<Statuses, "waiting">;
    readonly incidents: Pick<IncidentStore, "countOpen">;
    readonly tunnels: Pick<AgentTunnels, "size"> | null;
    readonly liveClients: Pick<LiveClients, "size">;
  },
): void {
  metrics.gauges("queue_jobs", "Jobs in the queues, by queue and state.", ["queue", "state"], async () =>
    (await Promise.all([workers.depths(), queues.depths()])).flat(),
  );
  metrics.gauge("spool_bytes", "Bytes of results that wait on disk for ClickHouse.", () => spool.bytes);
  metrics.gauge("spool_blocks", "Blocks of results that wait on disk for ClickHouse.", () => spool.blocks);
  metrics.gauge("regions_impaired", "Regions that have no vote now.", () => vantage.impaired.size);
  metrics.gauge("statuses_waiting", "Statuses that wait in memory for PostgreSQL.", () => pending.waiting);
  metrics.gauges("incidents_open", "Incidents that are open, by kind and level.", ["kind", "level"], async () =>
    (await incidents.countOpen()).map(({ kind, level, count }) => [{ kind, level }, count] as const),
  );
  metrics.gauge("tunnels", "Agents' connections to Redis that go through this coordinator.", () => tunnels?.size ?? 0);
  metrics.gauge("live_clients", "Clients that look on at /v1/live.", () => liveClients.size);
}
