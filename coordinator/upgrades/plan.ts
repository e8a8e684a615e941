import type { AgentLoad } from "../../shared/agent-message.ts";

/** The upgrade of a region's agents to one version, one after the other. */
export interface Upgrade {
  readonly id: string;
  readonly region: string;
  readonly version: string;
  /** How many go first and are watched for longer before the others follow. */
  readonly canary: number;
  readonly state: "running" | "done" | "failed" | "cancelled";
  /** Why it has failed. */
  readonly detail: string | null;
  readonly createdBy: string;
  /** In ms since the epoch, as all times here. */
  readonly createdAt: number;
  readonly endedAt: number | null;
  /** In the order in which the agents' turns come. */
  readonly steps: readonly Step[];
}

/** The turn of one agent. */
export interface Step {
  readonly agentId: string;
  readonly from: string;
  readonly state: "waiting" | "asked" | "done" | "failed" | "skipped";
  /** Why it was skipped or has failed, or what is still missing. */
  readonly detail: string | null;
  readonly askedAt: number | null;
  /** The agent has said that it asked for the upgrade on its machine. */
  readonly heardAt: number | null;
  /** Since when all is well with the new version; null while it is not. */
  readonly wellSince: number | null;
  /** What it did before and has to do again. */
  readonly before: Before | null;
}

/** Whether an agent took checks, and performed some: it may be drained, or there may be none. */
export interface Before {
  readonly taking: boolean;
  readonly performing: boolean;
}

/** An agent as it is now: each of its processes that is online. */
export interface AgentNow {
  readonly agentId: string;
  readonly processes: ReadonlyArray<{ readonly version: string; readonly load: AgentLoad | null }>;
}

/** How long an agent may take from being asked until all is well with it, in ms: the download may be slow. */
export const STEP_DEADLINE_MS = 20 * 60_000;
/** How long an agent may take to say that it has heard, in ms; it is told more than once. */
export const HEARING_DEADLINE_MS = 60_000;
/** How long an agent has to be well, in ms, before the next one's turn: one of the first, and any other. */
const CANARY_WATCH_MS = 30_000;
const WATCH_MS = 10_000;
/** An agent that fetches has done so within this time, in ms. */
const FETCH_OVERDUE_MS = 15_000;

/**
 * The upgrade as it goes on now; the same object when there is nothing to do. At most one agent
 * is under way at any time, and its region's others are not asked before it is well again.
 */
export function advance(upgrade: Upgrade, agents: readonly AgentNow[], now: number): Upgrade {
  if (upgrade.state !== "running") return upgrade;
  const failed = upgrade.steps.find(({ state }) => state === "failed");
  if (failed) return end(upgrade, "failed", `${failed.agentId}: ${failed.detail}`, now);
  const index = upgrade.steps.findIndex(({ state }) => state === "asked" || state === "waiting");
  const step = upgrade.steps[index];
  if (!step) return end(upgrade, "done", null, now);
  const agent = agents.find(({ agentId }) => agentId === step.agentId);
  const next =
    step.state === "waiting"
      ? begin(step, agent, now)
      : follow(step, agent, upgrade.version, watchMs(upgrade, step), now);
  return next === step ? upgrade : { ...upgrade, steps: upgrade.steps.with(index, next) };
}

/** What an agent has said of the upgrade, taken into account. */
export function hear(
  upgrade: Upgrade,
  agentId: string,
  news: {
    readonly version: string;
    readonly state: "requested" | "done" | "rolled-back" | "failed";
    readonly detail?: string | undefined;
  },
  now: number,
): Upgrade {
  const index = upgrade.steps.findIndex((step) => step.agentId === agentId && step.state === "asked");
  const step = upgrade.steps[index];
  if (!step || upgrade.state !== "running" || news.version !== upgrade.version) return upgrade;
  const told = news.detail ?? "the agent did not say why";
  const next: Step =
    news.state === "failed"
      ? { ...step, state: "failed", detail: told, wellSince: null }
      : news.state === "rolled-back"
        ? { ...step, state: "failed", detail: `${step.from} runs again: ${told}`, wellSince: null }
        : { ...step, heardAt: step.heardAt ?? now };
  return { ...upgrade, steps: upgrade.steps.with(index, next) };
}

/** Stopped by an operator: the agent whose turn it is goes on by itself, and the others stay as they are. */
export function cancel(upgrade: Upgrade, now: number): Upgrade {
  return upgrade.state === "running" ? end(upgrade, "cancelled", "an operator stopped it", now) : upgrade;
}

function end(upgrade: Upgrade, state: Upgrade["state"], detail: string | null, now: number): Upgrade {
  const steps = upgrade.steps.map(
    (step): Step =>
      step.state === "waiting" ? { ...step, state: "skipped", detail: "the upgrade ended before its turn" } : step,
  );
  return { ...upgrade, state, detail, endedAt: now, steps };
}

function begin(step: Step, agent: AgentNow | undefined, now: number): Step {
  if (!agent) return { ...step, state: "skipped", detail: "offline when its turn came" };
  const loads = agent.processes.map(({ load }) => load);
  const before = { taking: loads.some(takes), performing: loads.some(performs) };
  return { ...step, state: "asked", askedAt: now, before, detail: null };
}

function follow(step: Step, agent: AgentNow | undefined, version: string, watchMs: number, now: number): Step {
  const missing = missingOf(agent, version, step.before);
  if (missing === null) {
    const wellSince = step.wellSince ?? now;
    if (now - wellSince >= watchMs) return { ...step, state: "done", detail: null, wellSince };
    return step.wellSince === wellSince && step.detail === null ? step : { ...step, wellSince, detail: null };
  }
  const waitedMs = now - (step.askedAt ?? now);
  if (step.heardAt === null && waitedMs > HEARING_DEADLINE_MS) {
    return {
      ...step,
      state: "failed",
      detail: `no answer within ${HEARING_DEADLINE_MS / 1_000} s: ${missing}`,
      wellSince: null,
    };
  }
  if (waitedMs > STEP_DEADLINE_MS) {
    return {
      ...step,
      state: "failed",
      detail: `not well after ${STEP_DEADLINE_MS / 60_000} minutes: ${missing}`,
      wellSince: null,
    };
  }
  return step.detail === missing && step.wellSince === null ? step : { ...step, wellSince: null, detail: missing };
}

/** What an agent is still short of to be well with the version; null when nothing is. */
function missingOf(agent: AgentNow | undefined, version: string, before: Before | null): string | null {
  if (!agent) return "it is offline";
  const other = agent.processes.find((one) => one.version !== version);
  if (other) return `it runs ${other.version}`;
  const loads = agent.processes.map(({ load }) => load);
  if (loads.some((load) => load === null)) return "it has not told how it is yet";
  const trouble = loads.find((load) => load?.clockTrouble)?.clockTrouble;
  if (trouble) return trouble;
  if (!before?.taking) return null;
  if (!loads.every(takes)) return "it takes no checks";
  if (!loads.every((load) => load !== null && load.lastFetchAgoMs !== null && load.lastFetchAgoMs < FETCH_OVERDUE_MS)) {
    return "it does not fetch";
  }
  if (before.performing && !loads.some(performs)) return "it performs no checks yet, as it did before";
  if (loads.some((load) => (load?.spooled ?? 0) > 0))
    return "its results do not reach the queue: they are in its spool";
  return null;
}

const takes = (load: AgentLoad | null): boolean => load !== null && (load.work ?? "taking") === "taking";
const performs = (load: AgentLoad | null): boolean => (load?.lateness?.checks ?? 0) > 0;

function watchMs({ steps, canary }: Upgrade, step: Step): number {
  const turn = steps.filter(({ state }) => state !== "skipped").indexOf(step);
  return turn < canary ? CANARY_WATCH_MS : WATCH_MS;
}

/** An agent of the region, as it is when the upgrade is planned. */
export interface Candidate extends AgentNow {
  readonly upgradable: boolean;
}

/**
 * Every agent's turn: those that have to be left out are skipped, with the reason.
 * @param compare of two versions, below 0 when the first is the older one
 */
export function planSteps(
  candidates: readonly Candidate[],
  version: string,
  compare: (a: string, b: string) => number,
): Step[] {
  return candidates.map(({ agentId, processes, upgradable }): Step => {
    const from = processes[0]?.version ?? "";
    const reason = !upgradable
      ? "install.sh did not install it"
      : processes.every((one) => one.version === version)
        ? "it is this version"
        : compare(from, version) > 0
          ? `it is newer: ${from}`
          : null;
    return {
      agentId,
      from,
      state: reason === null ? "waiting" : "skipped",
      detail: reason,
      askedAt: null,
      heardAt: null,
      wellSince: null,
      before: null,
    };
  });
}
