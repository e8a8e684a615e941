import type { AgentLoad } from "../../shared/agent-message.ts";
import type { Postgres } from "./postgres.ts";

/** What is known of an agent, as it said itself. */
export interface AgentSighting {
  readonly id: string;
  readonly region: string;
  readonly version: string;
  readonly host: string;
  readonly node: string;
  readonly draining: boolean;
  readonly load: AgentLoad | null;
  /** How long ago it gave the last sign of life, in ms, when this was written or read. */
  readonly seenAgoMs: number;
}

export interface AgentStore {
  /** Writes what was seen; an earlier sign of life never overwrites a later one. */
  record(sightings: readonly AgentSighting[]): Promise<void>;
  /** Agents seen within this many ms. */
  seenWithin(ms: number): Promise<AgentSighting[]>;
  /** Forgets agents not seen for this many ms. */
  forget(ms: number): Promise<void>;
}

interface Row extends Omit<AgentSighting, "seenAgoMs"> {
  readonly seen_ago_ms: number;
}

export function createAgentStore(postgres: Postgres): AgentStore {
  return {
    async record(sightings) {
      // Ordered by id, so that two coordinators that write the same rows never wait for each other in a circle.
      await postgres.query(
        `INSERT INTO agents (id, region, version, host, node, draining, load, last_seen_at)
         SELECT id, region, version, host, node, draining, load, now() - "seenAgoMs" * interval '1 ms'
         FROM jsonb_to_recordset($1) AS s(id text, region text, version text, host text, node text, draining boolean,
                                          load jsonb, "seenAgoMs" double precision)
         ORDER BY id
         ON CONFLICT (id) DO UPDATE SET region = excluded.region, last_seen_at = excluded.last_seen_at,
           -- Whoever knows an agent by its results alone knows less of it than is written here.
           draining = excluded.draining OR (agents.draining AND excluded.version = ''),
           version = coalesce(nullif(excluded.version, ''), agents.version), host = coalesce(nullif(excluded.host, ''), agents.host),
           node = coalesce(nullif(excluded.node, ''), agents.node), load = coalesce(excluded.load, agents.load)
         WHERE agents.last_seen_at < excluded.last_seen_at`,
        [JSON.stringify(sightings)],
      );
    },
    async seenWithin(ms) {
      const { rows } = await postgres.query<Row>(
        `SELECT id, region, version, host, node, draining, load,
                (extract(epoch FROM now() - last_seen_at) * 1000)::double precision AS seen_ago_ms
         FROM agents WHERE last_seen_at > now() - $1 * interval '1 ms' ORDER BY region, id`,
        [ms],
      );
      return rows.map(({ seen_ago_ms, ...agent }) => ({ ...agent, seenAgoMs: seen_ago_ms }));
    },
    async forget(ms) {
      await postgres.query("DELETE FROM agents WHERE last_seen_at < now() - $1 * interval '1 ms'", [ms]);
    },
  };
}
