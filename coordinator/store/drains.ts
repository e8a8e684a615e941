import type { Postgres } from "./postgres.ts";

/** An operator's wish that an agent takes no checks. It holds until it is taken back, whatever becomes of the agent. */
export interface Drain {
  /** That of all processes of an agent, or that of one of them. */
  readonly agentId: string;
  /** ms since the epoch. */
  readonly at: number;
}

export interface DrainStore {
  list(): Promise<Drain[]>;
  /** What is drained already stays so. */
  add(agentId: string): Promise<void>;
  /** Takes back what was wished of an agent and of each of its processes. @returns whether there was anything. */
  remove(agentId: string): Promise<boolean>;
}

export function createDrainStore(postgres: Postgres): DrainStore {
  return {
    async list() {
      const { rows } = await postgres.query<{ agent_id: string; at: Date }>("SELECT agent_id, at FROM drained_agents");
      return rows.map(({ agent_id, at }) => ({ agentId: agent_id, at: at.getTime() }));
    },
    async add(agentId) {
      await postgres.query("INSERT INTO drained_agents (agent_id) VALUES ($1) ON CONFLICT DO NOTHING", [agentId]);
    },
    async remove(agentId) {
      const { rowCount } = await postgres.query(
        "DELETE FROM drained_agents WHERE agent_id = $1 OR regexp_replace(agent_id, '-[1-9][0-9]?$', '') = $1",
        [agentId],
      );
      return (rowCount ?? 0) > 0;
    },
  };
}
