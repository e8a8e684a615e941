import type { AgentLoad } from "../../shared/agent-message.ts";
import type { Postgres } from "./postgres.ts";

/** What is known of an agent, as it said itself. */
export interface AgentSighting {
  readonly id: string;
  readonly region: string;
  readonly version: string;
  readonly host: string;
  readonly node: string;
  /** It has said that it ends. */
  readonly draining: boolean;
  readonly load: AgentLoad | null;
  /** How long ago it gave the last sign of life, in ms, when this was written or read. */
  readonly seenAgoMs: number;
  /** How long ago it last said something of itself; null when only results of it were seen. */
  readonly toldAgoMs: number | null;
}

/** The same with what others know. */
export interface StoredAgent extends AgentSighting {
  /** How long ago it was seen for the first time, in ms. */
  readonly knownForMs: number;
  /** Since when an operator has it drained, in ms since the epoch. */
  readonly drainedAt: number | null;
  /** What its operator called it; null without a name. */
  readonly name: string | null;
  /** Whether it has a credential of its own, which is good or was revoked; null for one that shares its token. */
  readonly credential: "good" | "revoked" | null;
}

export interface AgentStore {
  /** Writes what was seen; an earlier sign of life never overwrites a later one, nor an earlier word. */
  record(sightings: readonly AgentSighting[]): Promise<void>;
  /** Agents seen within this many ms. */
  seenWithin(ms: number): Promise<StoredAgent[]>;
  /** Agents seen within this many ms, and those that are enrolled. */
  known(ms: number): Promise<StoredAgent[]>;
  /** Forgets agents not seen for this many ms; not those that are enrolled. */
  forget(ms: number): Promise<void>;
}

interface Row
  extends Pick<
    StoredAgent,
    "id" | "region" | "version" | "host" | "node" | "draining" | "load" | "credential" | "name"
  > {
  readonly seen_ago_ms: number;
  readonly told_ago_ms: number | null;
  readonly known_for_ms: number;
  readonly drained_at: Date | null;
}

const agoMs = (column: string): string => `(extract(epoch FROM now() - ${column}) * 1000)::double precision`;
/** Each process of an agent that has several has that one's credential, and heeds its drain. */
const OWN_IDS = "(a.id, regexp_replace(a.id, '-[1-9][0-9]?$', ''))";
const ENROLLED = `EXISTS (SELECT FROM agent_credentials e WHERE e.agent_id IN ${OWN_IDS} AND e.revoked_at IS NULL)`;

export function createAgentStore(postgres: Postgres): AgentStore {
  async function select(condition: string, ms: number): Promise<StoredAgent[]> {
    const { rows } = await postgres.query<Row>(
      `SELECT a.id, a.region, version, host, node, draining, load, ${agoMs("last_seen_at")} AS seen_ago_ms,
              ${agoMs("told_at")} AS told_ago_ms, ${agoMs("first_seen_at")} AS known_for_ms, c.name,
              CASE WHEN c.agent_id IS NULL THEN NULL WHEN c.revoked_at IS NULL THEN 'good' ELSE 'revoked' END AS credential,
              (SELECT min(d.at) FROM drained_agents d WHERE d.agent_id IN ${OWN_IDS}) AS drained_at
       FROM agents a LEFT JOIN LATERAL (SELECT * FROM agent_credentials WHERE agent_id IN ${OWN_IDS}
                                        ORDER BY agent_id = a.id DESC LIMIT 1) c ON true
       WHERE ${condition} ORDER BY a.region COLLATE "C", a.id COLLATE "C"`,
      [ms],
    );
    return rows.map(({ seen_ago_ms, told_ago_ms, known_for_ms, drained_at, ...agent }) => ({
      ...agent,
      seenAgoMs: seen_ago_ms,
      toldAgoMs: told_ago_ms,
      knownForMs: known_for_ms,
      drainedAt: drained_at?.getTime() ?? null,
    }));
  }

  return {
    async record(sightings) {
      // Ordered by id, so that two coordinators that write the same rows never wait for each other in a circle.
      const word = ["region", "version", "host", "node", "draining", "load", "told_at"];
      const isNews = "excluded.told_at > coalesce(agents.told_at, '-infinity')";
      await postgres.query(
        `INSERT INTO agents (id, region, version, host, node, draining, load, last_seen_at, told_at)
         SELECT id, region, version, host, node, draining, load, now() - "seenAgoMs" * interval '1 ms',
                now() - "toldAgoMs" * interval '1 ms'
         FROM jsonb_to_recordset($1) AS s(id text, region text, version text, host text, node text, draining boolean,
                                          load jsonb, "seenAgoMs" double precision, "toldAgoMs" double precision)
         ORDER BY id
         ON CONFLICT (id) DO UPDATE SET last_seen_at = greatest(agents.last_seen_at, excluded.last_seen_at),
           ${word.map((column) => `${column} = CASE WHEN ${isNews} THEN excluded.${column} ELSE agents.${column} END`).join(", ")}
         WHERE agents.last_seen_at < excluded.last_seen_at OR ${isNews}`,
        [JSON.stringify(sightings)],
      );
    },
    seenWithin: (ms) => select("last_seen_at > now() - $1 * interval '1 ms'", ms),
    known: (ms) => select(`last_seen_at > now() - $1 * interval '1 ms' OR ${ENROLLED}`, ms),
    async forget(ms) {
      await postgres.query(
        `DELETE FROM agents a WHERE last_seen_at < now() - $1 * interval '1 ms' AND NOT ${ENROLLED}`,
        [ms],
      );
    },
  };
}
