import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../shared/clock.ts";
import { isoTime } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/logger.ts";
import { presentTrouble } from "../agents/present-trouble.ts";
import type { AgentTrouble } from "../agents/trouble.ts";
import type { LiveEvent } from "../http/api-types.ts";
import { presentData, presentIncident } from "../incidents/present.ts";
import type { AgentTroubleStore } from "../store/agent-troubles.ts";
import type { IncidentStore, NamedIncident, StoredEntry } from "../store/incident-store.ts";
import type { MonitorStore } from "../store/monitors.ts";
import type { StatusStore } from "../store/status.ts";
import type { LiveClients } from "./clients.ts";

/** What happens together is read together: from the first to the reading, in ms. */
const GATHER_MS = 50;
/** Of more than this at once, clients are told to load everything anew. */
const MAX_AT_ONCE = 1_000;

/** What clients are told, made of what PostgreSQL notifies of: the row is read as it is then. */
export interface LiveFeed {
  /** `entry <n>` of the timeline, `status <monitor's id>`, or `trouble <its id>` of agents. */
  onLive(payload: string): void;
  /** A monitor was made, changed or removed. */
  onMonitor(id: string): void;
  /** Notifications may have gone unheard. */
  onGap(): void;
  /** Resolves when nothing is being read any more. */
  settled(): Promise<void>;
}

export function createLiveFeed({
  clients,
  incidents,
  statuses,
  monitors,
  troubles,
  clock,
  logger,
}: {
  readonly clients: Pick<LiveClients, "broadcast" | "size">;
  readonly incidents: Pick<IncidentStore, "entries">;
  readonly statuses: Pick<StatusStore, "of">;
  readonly monitors: Pick<MonitorStore, "getMany">;
  readonly troubles: Pick<AgentTroubleStore, "get">;
  readonly clock: Clock;
  readonly logger: Logger;
}): LiveFeed {
  const entries = new Set<number>();
  const changed = new Set<string>();
  const judged = new Set<string>();
  const ofAgents = new Set<string>();
  let reading: Promise<void> | undefined;

  function takeAll<T>(from: Set<T>): T[] {
    const taken = [...from];
    from.clear();
    return taken;
  }

  async function read(): Promise<LiveEvent[]> {
    const [ids, made, seen, troubled] = [takeAll(entries), takeAll(changed), takeAll(judged), takeAll(ofAgents)];
    if (ids.length + made.length + seen.length + troubled.length > MAX_AT_ONCE) return [{ type: "gap" }];
    const [happened, known, status, found] = await Promise.all([
      ids.length === 0 ? [] : incidents.entries(ids),
      monitors.getMany([...new Set([...made, ...seen])]),
      statuses.of(seen),
      Promise.all(troubled.map((id) => troubles.get(id))),
    ]);
    const nameOf = (id: string) => known.find((monitor) => monitor.id === id)?.name ?? null;
    const now = clock.now();
    return [
      ...made.map((monitorId): LiveEvent => {
        const monitorName = nameOf(monitorId);
        const event = monitorName === null ? "removed" : "changed";
        return { type: "monitor", event, at: isoTime(now), monitorId, monitorName, data: {} };
      }),
      ...found.flatMap((trouble) => (trouble === null ? [] : troubleEvent(trouble))),
      ...happened.map(({ entry, incident }) => occurrence(entry, incident, now)),
      ...seen.flatMap((monitorId): LiveEvent[] => {
        const found = status.get(monitorId);
        if (!found) return [];
        const { verdict, since, suspected, flapping } = found;
        const monitorName = nameOf(monitorId);
        const at = isoTime(now);
        return [{ type: "verdict", at, monitorId, monitorName, verdict, since: isoTime(since), suspected, flapping }];
      }),
    ];
  }

  async function run(): Promise<void> {
    while (entries.size + changed.size + judged.size + ofAgents.size > 0) {
      await sleep(GATHER_MS);
      try {
        clients.broadcast(await read());
      } catch (thrown) {
        logger.warn({ reason: errorText(thrown) }, "Live events could not be read");
        clients.broadcast([{ type: "gap" }]);
      }
    }
    reading = undefined;
  }

  function add<T>(to: Set<T>, item: T): void {
    if (clients.size === 0) return;
    to.add(item);
    reading ??= run();
  }

  return {
    onLive(payload) {
      const [kind, id = ""] = payload.split(" ", 2);
      if (kind === "entry") add(entries, Number(id));
      else if (kind === "status") add(judged, id);
      else if (kind === "trouble") add(ofAgents, id);
    },
    onMonitor: (id) => add(changed, id),
    onGap: () => clients.broadcast([{ type: "gap" }]),
    async settled() {
      await reading;
    },
  };
}

function troubleEvent(trouble: AgentTrouble): LiveEvent {
  const { openedAt, acknowledgedAt, resolvedAt } = trouble;
  const event = resolvedAt !== null ? "recovered" : acknowledgedAt !== null ? "acknowledged" : "trouble";
  const at = isoTime(resolvedAt ?? acknowledgedAt ?? openedAt);
  return { type: "agent", event, at, trouble: presentTrouble(trouble) };
}

function occurrence(entry: StoredEntry, incident: NamedIncident | null, now: number): LiveEvent {
  const { type: event, monitorName } = entry;
  const data = presentData(entry.data);
  const at = isoTime(entry.at);
  if (incident) return { type: "incident", event, at, data, incident: presentIncident(incident, now) };
  return { type: "monitor", event, at, monitorId: entry.monitorId ?? "", monitorName, data };
}
