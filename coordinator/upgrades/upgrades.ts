import { setTimeout as sleep } from "node:timers/promises";
import type { CoordinatorMessage, UpgradeNews } from "../../shared/agent-message.ts";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import { OFFLINE_AFTER_MS } from "../../shared/link.ts";
import type { Logger } from "../../shared/logger.ts";
import { baseOf } from "../agents/state.ts";
import type { AgentUpgradeStore } from "../store/agent-upgrades.ts";
import type { AgentSighting, AgentStore } from "../store/agents.ts";
import type { AuditDraft } from "../store/audit.ts";
import { advance, type Candidate, cancel, hear, type Step, type Upgrade } from "./plan.ts";

/** How often running upgrades are looked at, in ms. */
const LOOK_EVERY_MS = 1_000;
/** How often an agent that has not answered is told again, in ms. */
const TELL_EVERY_MS = 5_000;

/** Sees to it that the upgrades that operators ask for go on, together with the other coordinators. */
export interface Upgrades extends Part {
  /** There may be a new one. */
  wake(): void;
  /** An agent, or one of its processes, tells of its upgrade. */
  hear(agentId: string, news: UpgradeNews): void;
  /** The agents of a region that are online now. */
  agentsOf(region: string): Promise<Candidate[]>;
  /** Null when there is none. */
  cancel(id: string): Promise<Upgrade | null>;
}

export function createUpgrades({
  store,
  agents,
  tell,
  clock,
  logger,
}: {
  readonly store: AgentUpgradeStore;
  readonly agents: Pick<AgentStore, "seenWithin">;
  /** Says something to an agent; false when it is not linked to this coordinator. */
  readonly tell: (agentId: string, message: CoordinatorMessage) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}): Upgrades {
  const stopping = new AbortController();
  const { signal } = stopping;
  /** When each agent that has not answered was last told, by the monotonic clock. */
  const toldAt = new Map<string, number>();
  const working = new Set<Promise<unknown>>();
  let wanted = false;
  let isLooking = false;

  function work(what: string, task: () => Promise<unknown>): void {
    const promise = task()
      .catch((thrown) => logger.warn({ reason: errorText(thrown) }, what))
      .finally(() => working.delete(promise));
    working.add(promise);
  }

  async function change(id: string, next: (upgrade: Upgrade) => Upgrade): Promise<Upgrade | null> {
    return store.change(id, next, (before, after) => {
      const entries = auditOf(before, after);
      for (const { action, subject, detail } of entries)
        logger.info({ action, subject, ...detail }, "Agents are upgraded");
      return entries;
    });
  }

  async function look(): Promise<void> {
    while (wanted && !signal.aborted) {
      wanted = false;
      try {
        for (const { id, region } of await store.running()) {
          wanted = true;
          const now = await agentsOf(region);
          const upgrade = await change(id, (upgrade) => advance(upgrade, now, clock.now()));
          if (upgrade) tellAsked(upgrade);
        }
      } catch (thrown) {
        wanted = true;
        logger.warn({ reason: errorText(thrown) }, "Upgrades of agents do not go on");
      }
      if (wanted) await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
    isLooking = false;
  }

  function tellAsked({ id, version, steps }: Upgrade): void {
    for (const { agentId, state, heardAt } of steps) {
      const key = `${id} ${agentId}`;
      if (state !== "asked" || heardAt !== null) toldAt.delete(key);
      else if (clock.monotonic() - (toldAt.get(key) ?? Number.NEGATIVE_INFINITY) >= TELL_EVERY_MS) {
        if (tell(agentId, { type: "upgrade", version })) toldAt.set(key, clock.monotonic());
      }
    }
  }

  async function agentsOf(region: string): Promise<Candidate[]> {
    const seen = await agents.seenWithin(OFFLINE_AFTER_MS);
    return groupByAgent(seen.filter((agent) => agent.region === region && !agent.draining));
  }

  function wake(): void {
    wanted = true;
    if (isLooking || signal.aborted) return;
    isLooking = true;
    work("Upgrades of agents do not go on", look);
  }

  return {
    wake,
    agentsOf,
    hear(processId, news) {
      const agentId = baseOf(processId);
      work("What an agent said of its upgrade is lost", async () => {
        for (const { id, steps } of await store.running()) {
          if (!steps.some((step) => step.agentId === agentId)) continue;
          await change(id, (upgrade) => hear(upgrade, agentId, news, clock.now()));
        }
      });
    },
    cancel: (id) => change(id, (upgrade) => cancel(upgrade, clock.now())),
    async start() {
      wake();
    },
    async stop() {
      stopping.abort();
      await Promise.all(working);
    },
  };
}

function groupByAgent(seen: readonly AgentSighting[]): Candidate[] {
  const groups = new Map<string, AgentSighting[]>();
  for (const agent of seen) {
    const id = baseOf(agent.id);
    groups.set(id, [...(groups.get(id) ?? []), agent]);
  }
  return [...groups].map(([agentId, processes]) => ({
    agentId,
    processes: processes.map(({ version, load }) => ({ version, load })),
    upgradable: processes.some(({ load }) => load?.upgradable === true),
  }));
}

const actions: Readonly<Partial<Record<Step["state"], string>>> = {
  asked: "agents.upgrade",
  done: "agents.upgraded",
  failed: "agents.upgrade-failed",
};

/** What the audit log says of a change: which agent's turn it is, how that went, and how the whole ended. */
function auditOf(before: Upgrade, after: Upgrade): AuditDraft[] {
  const { id, version, createdBy: actor } = after;
  const entry = (action: string, subject: string, detail: Record<string, unknown>): AuditDraft => ({
    actor,
    action,
    subject,
    detail,
    address: null,
  });
  const steps = after.steps.flatMap(({ agentId, state, from, detail }, index) => {
    const action = actions[state];
    if (!action || state === before.steps[index]?.state) return [];
    return entry(action, agentId, { upgrade: id, from, version, ...(detail !== null && { detail }) });
  });
  if (after.state === before.state) return steps;
  return [
    ...steps,
    entry(`agent-upgrades.${after.state}`, id, { version, ...(after.detail !== null && { detail: after.detail }) }),
  ];
}
