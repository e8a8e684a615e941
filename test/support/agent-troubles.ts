import type { AgentTrouble } from "../../coordinator/agents/trouble.ts";
import { beginning } from "../../coordinator/agents/trouble.ts";
import { createAgentTroubleStore } from "../../coordinator/store/agent-troubles.ts";
import { openPostgres } from "../../coordinator/store/postgres.ts";
import { createLogger } from "../../shared/logger.ts";

/** Trouble of an agent that a test makes up, which lasts until the test ends it, and of which people are told. */
export async function beginTrouble(databaseUrl: string, id: string): Promise<{ end(): Promise<void> }> {
  const inTheStore = async (work: (store: ReturnType<typeof createAgentTroubleStore>) => Promise<unknown>) => {
    const postgres = openPostgres(databaseUrl, createLogger({ level: "silent", name: "test" }));
    try {
      await work(createAgentTroubleStore(postgres));
    } finally {
      await postgres.end();
    }
  };
  const [now, late] = [Date.now(), Date.now() + 3_600_000];
  const trouble: AgentTrouble = {
    ...{ id, kind: "agent_lagging", region: "eu", agentId: id, agentName: null, severity: "warning", detail: "Late." },
    ...{ since: now, openedAt: now, ...beginning },
  };
  await inTheStore(async (store) => {
    await store.begin(trouble);
    await store.note([id], late);
  });
  return { end: () => inTheStore((store) => store.end(id, "recovered", late, Date.now())) };
}
