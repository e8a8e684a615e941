import { expect, test } from "vitest";
import {
  type AgentNow,
  advance,
  cancel,
  HEARING_DEADLINE_MS,
  hear,
  planSteps,
  STEP_DEADLINE_MS,
  type Upgrade,
} from "../../../coordinator/upgrades/plan.ts";
import type { AgentLoad } from "../../../shared/agent-message.ts";
import { compareVersions } from "../../../shared/release.ts";

const load: AgentLoad = {
  work: "taking",
  clockTrouble: null,
  inFlight: 0,
  lateness: { p50Ms: 1, p99Ms: 2, checks: 60 },
  outbox: 0,
  spooled: 0,
  loopDelayMs: 1,
  clockOffsetMs: 0,
  clockErrorMs: 1,
  lastFetchAgoMs: 500,
  upgradable: true,
};
const agent = (agentId: string, version = "1.0.0", changes: Partial<AgentLoad> = {}): AgentNow => ({
  agentId,
  processes: [{ version, load: { ...load, ...changes } }],
});
const ids = ["agt_a", "agt_b", "agt_c"];

/** A region in which the test says what its agents are and what time it is. */
function region({ canary = 1, agents = ids.map((id) => agent(id)) } = {}) {
  let now = 1_000_000;
  const present = new Map(agents.map((one) => [one.agentId, one]));
  const steps = planSteps(
    agents.map((one) => ({ ...one, upgradable: one.processes.some((each) => each.load?.upgradable === true) })),
    "1.1.0",
    compareVersions,
  );
  let upgrade: Upgrade = {
    id: "upg_1",
    region: "eu-west",
    version: "1.1.0",
    canary,
    state: "running",
    detail: null,
    createdBy: "admin",
    createdAt: now,
    endedAt: null,
    steps,
  };
  /** Until there is nothing to do at this moment. */
  const settle = () => {
    for (;;) {
      const next = advance(upgrade, [...present.values()], now);
      if (next === upgrade) return;
      upgrade = next;
    }
  };
  return {
    get upgrade() {
      return upgrade;
    },
    states() {
      settle();
      return upgrade.steps.map(({ state }) => state);
    },
    detailOf: (id: string) => upgrade.steps.find(({ agentId }) => agentId === id)?.detail,
    be(one: AgentNow) {
      present.set(one.agentId, one);
      settle();
    },
    goOffline(id: string) {
      present.delete(id);
      settle();
    },
    after(ms: number) {
      now += ms;
      settle();
    },
    tells(id: string, state: "requested" | "done" | "rolled-back" | "failed", detail?: string, version = "1.1.0") {
      upgrade = hear(upgrade, id, { version, state, detail }, now);
      settle();
    },
    cancel() {
      upgrade = cancel(upgrade, now);
    },
  };
}

test("one agent after the other becomes the new version, and no one is asked before the last is well", () => {
  const here = region();
  for (const [turn, id] of ids.entries()) {
    const expected = ids.map((_, index) => (index < turn ? "done" : index === turn ? "asked" : "waiting"));
    expect(here.states()).toEqual(expected);
    here.tells(id, "requested");
    here.after(5_000);
    here.goOffline(id);
    here.after(5_000);
    expect(here.states()).toEqual(expected);
    here.be(agent(id, "1.1.0"));
    here.after(5_000);
    expect(here.states()).toEqual(expected);
    here.after(30_000);
  }
  expect(here.states()).toEqual(["done", "done", "done"]);
  expect(here.upgrade).toMatchObject({ state: "done", detail: null });
});

test("the canaries are watched for longer than the others", () => {
  const here = region({ canary: 2 });
  const become = (id: string) => {
    here.states();
    here.tells(id, "requested");
    here.be(agent(id, "1.1.0"));
  };
  for (const id of ["agt_a", "agt_b"]) {
    become(id);
    here.after(29_999);
    expect(here.upgrade.steps.find(({ agentId }) => agentId === id)?.state).toBe("asked");
    here.after(1);
  }
  become("agt_c");
  here.after(9_999);
  expect(here.states()).toEqual(["done", "done", "asked"]);
  here.after(1);
  expect(here.states()).toEqual(["done", "done", "done"]);
});

test.each([
  ["is offline", null, "offline"],
  ["runs the old version", agent("agt_a"), "it runs 1.0.0"],
  ["takes no checks", agent("agt_a", "1.1.0", { work: "idle" }), "takes no checks"],
  ["does not fetch", agent("agt_a", "1.1.0", { lastFetchAgoMs: 20_000 }), "does not fetch"],
  ["has not fetched yet", agent("agt_a", "1.1.0", { lastFetchAgoMs: null }), "does not fetch"],
  ["performs no checks", agent("agt_a", "1.1.0", { lateness: null }), "performs no checks"],
  ["spools its results", agent("agt_a", "1.1.0", { spooled: 3 }), "spool"],
  ["has a clock that is wrong", agent("agt_a", "1.1.0", { clockTrouble: "it jumps" }), "it jumps"],
  [
    "has a process that stayed behind",
    { agentId: "agt_a", processes: [...agent("agt_a", "1.1.0").processes, ...agent("agt_a").processes] },
    "it runs 1.0.0",
  ],
  ["has not told how it is", { agentId: "agt_a", processes: [{ version: "1.1.0", load: null }] }, "not told"],
])("a canary that %s stops the upgrade before the others", (_, canary, why) => {
  const here = region();
  here.states();
  here.tells("agt_a", "requested");
  if (canary) here.be(canary);
  else here.goOffline("agt_a");
  here.after(STEP_DEADLINE_MS);
  expect(here.states()).toEqual(["asked", "waiting", "waiting"]);
  expect(here.detailOf("agt_a")).toContain(why);
  here.after(1);
  expect(here.states()).toEqual(["failed", "skipped", "skipped"]);
  expect(here.upgrade.state).toBe("failed");
  expect(here.upgrade.detail).toMatch(/^agt_a: not well after 20 minutes: /);
});

test("an agent that is well, and then not, is watched from anew", () => {
  const here = region();
  here.states();
  here.tells("agt_a", "requested");
  here.be(agent("agt_a", "1.1.0"));
  for (let restarts = 0; restarts < 3; restarts++) {
    here.after(20_000);
    here.goOffline("agt_a");
    here.be(agent("agt_a", "1.1.0"));
  }
  expect(here.states()[0]).toBe("asked");
  here.after(30_000);
  expect(here.states()[0]).toBe("done");
});

test("what an agent did not do before it need not do after", () => {
  const idle = agent("agt_a", "1.0.0", { work: "idle", lateness: null });
  const here = region({ agents: [idle] });
  here.states();
  here.tells("agt_a", "requested");
  here.be(agent("agt_a", "1.1.0", { work: "idle", lateness: null, lastFetchAgoMs: null }));
  here.after(30_000);
  expect(here.upgrade.state).toBe("done");
});

test("a failure that an agent tells of stops the upgrade at once, with its reason", () => {
  const failed = region();
  failed.states();
  failed.tells("agt_a", "failed", "the signature is wrong");
  expect(failed.states()).toEqual(["failed", "skipped", "skipped"]);
  expect(failed.upgrade).toMatchObject({ state: "failed", detail: "agt_a: the signature is wrong" });

  const rolledBack = region();
  rolledBack.states();
  rolledBack.tells("agt_a", "rolled-back", "not ready within 60 s");
  expect(rolledBack.upgrade.detail).toBe("agt_a: 1.0.0 runs again: not ready within 60 s");
});

test("nothing is made of what agents tell out of turn, or of another version", () => {
  const here = region();
  here.states();
  here.tells("agt_b", "failed", "out of turn");
  here.tells("agt_a", "failed", "of another day", "1.0.9");
  expect(here.states()).toEqual(["asked", "waiting", "waiting"]);
});

test("an agent that does not answer is not waited for as long as one that works on it", () => {
  const here = region();
  here.states();
  here.after(HEARING_DEADLINE_MS);
  expect(here.states()[0]).toBe("asked");
  here.after(1);
  expect(here.upgrade).toMatchObject({ state: "failed", detail: expect.stringContaining("no answer within 60 s") });
});

test("an agent that is gone when its turn comes is left out", () => {
  const here = region();
  here.states();
  here.goOffline("agt_b");
  for (const id of ["agt_a", "agt_c"]) {
    here.tells(id, "requested");
    here.be(agent(id, "1.1.0"));
    here.after(30_000);
  }
  expect(here.states()).toEqual(["done", "skipped", "done"]);
  expect(here.upgrade.state).toBe("done");
});

test("who cannot or need not become it is left out from the beginning, with the reason", () => {
  const here = region({
    agents: [
      agent("agt_a", "1.0.0", { upgradable: false }),
      agent("agt_b", "1.1.0"),
      agent("agt_c", "2.0.0"),
      agent("agt_d"),
    ],
  });
  expect(here.states()).toEqual(["skipped", "skipped", "skipped", "asked"]);
  expect(ids.map(here.detailOf)).toEqual(["install.sh did not install it", "it is this version", "it is newer: 2.0.0"]);
});

test("an operator can stop it", () => {
  const here = region();
  here.states();
  here.cancel();
  expect(here.states()).toEqual(["asked", "skipped", "skipped"]);
  expect(here.upgrade.state).toBe("cancelled");
  here.tells("agt_a", "failed", "too late");
  expect(here.upgrade.state).toBe("cancelled");
});
