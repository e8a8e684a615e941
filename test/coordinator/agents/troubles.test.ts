import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { complaintsOf, type Sighting } from "../../../coordinator/agents/complaints.ts";
import { decide, GRACE_MS, MAX_GAP_MS, type Memory, patience } from "../../../coordinator/agents/hysteresis.ts";
import type { AgentTrouble } from "../../../coordinator/agents/trouble.ts";
import { beginning, keyOf, troubleKinds } from "../../../coordinator/agents/trouble.ts";
import type { StoredAgent } from "../../../coordinator/store/agents.ts";
import type { AgentLoad } from "../../../shared/agent-message.ts";
import { idle } from "../../support/agent-link.ts";

const anAgent = (id: string, changes: Partial<StoredAgent> = {}, load: Partial<AgentLoad> = {}): StoredAgent => ({
  id,
  region: "eu",
  version: "1",
  host: `host-of-${id}`,
  node: "v24",
  draining: false,
  load: { ...idle, work: "taking", clockTrouble: null, ...load },
  seenAgoMs: 1_000,
  toldAgoMs: 1_000,
  knownForMs: 3_600_000,
  drainedAt: null,
  credential: null,
  name: null,
  ...changes,
});

const kinds = (agents: StoredAgent[], open: string[] = [], wanted = ["eu"]) =>
  complaintsOf({ agents, wanted }, new Set(open)).map(keyOf);

describe("what is wrong", () => {
  const well = anAgent("a");
  const gone = { seenAgoMs: 20_000 };

  test("is nothing while every region has an agent that takes checks", () => {
    expect(kinds([well])).toEqual([]);
    expect(kinds([], [], [])).toEqual([]);
    expect(kinds([well, anAgent("b", { region: "us", drainedAt: 1 }, { work: "idle" })])).toEqual([]);
  });

  test.each([
    ["no agents", [], "It has no agents."],
    ["an agent that is offline", [anAgent("a", gone)], "1 offline"],
    ["one that leaves", [anAgent("a", { draining: true })], "1 leaving"],
    ["one that is drained", [anAgent("a", { drainedAt: 1 }, { work: "idle" })], "1 drained"],
    ["one without a clock", [anAgent("a", {}, { work: "idle", clockTrouble: "jumps" })], "1 without a clock"],
    ["one without a queue server", [anAgent("a", {}, { work: "idle" })], "1 without a queue server yet"],
  ])("is a region with %s, and it says why", (_, agents, why) => {
    const [complaint] = complaintsOf({ agents, wanted: ["eu"] }, new Set());
    expect(complaint).toMatchObject({
      kind: "region_without_agents",
      region: "eu",
      agentId: null,
      severity: "critical",
    });
    expect(complaint?.detail).toContain(why);
  });

  test("is worse when nothing is checked from anywhere", () => {
    const [complaint] = complaintsOf({ agents: [anAgent("a", { region: "us" })], wanted: ["eu", "us"] }, new Set());
    expect(complaint).toMatchObject({ region: "eu", severity: "warning" });
  });

  test("is a lost agent when its region has others, and quietly", () => {
    const [complaint, ...more] = complaintsOf({ agents: [well, anAgent("b", gone)], wanted: ["eu"] }, new Set());
    expect(complaint).toMatchObject({ kind: "agent_offline", agentId: "b", severity: "info", forMs: 20_000 });
    expect(more).toEqual([]);
    expect(kinds([anAgent("b", gone)])).toEqual(["region_without_agents eu"]);
    expect(kinds([anAgent("b", gone)], ["agent_offline b"])).toEqual(["region_without_agents eu", "agent_offline b"]);
  });

  test.each([
    ["has said that it ends", { draining: true }],
    ["is drained", { drainedAt: 1 }],
    ["was revoked", { credential: "revoked" as const }],
    ["shares its token and was gone for an hour", { seenAgoMs: 3_600_001 }],
    ["has been replaced on its host", { host: "host-of-c", seenAgoMs: 40_000 }],
  ])("is no lost agent that %s", (_, changes) => {
    const heir = anAgent("c", { knownForMs: 30_000 });
    expect(kinds([well, heir, anAgent("b", { ...gone, ...changes })], ["agent_offline b"])).toEqual([]);
  });

  test("is an enrolled agent that is lost for however long", () => {
    expect(kinds([well, anAgent("b", { credential: "good", seenAgoMs: 9e8 })])).toEqual(["agent_offline b"]);
  });

  const late = (p99Ms: number, checks = 100) => ({ lateness: { p50Ms: 1, p99Ms, checks } });
  const spool = (share: number) => ({ spooled: 9, spoolBytes: share * 1_000, spoolMaxBytes: 1_000 });
  test.each([
    ["agent_lagging", late(1_001), late(501), late(499)],
    ["agent_lagging", { loopDelayMs: 501 }, { loopDelayMs: 251 }, { loopDelayMs: 249 }],
    ["spool_full", spool(0.91), spool(0.76), spool(0.74)],
    ["spool_full", { droppedAgoMs: 59_000 }, { droppedAgoMs: 299_000 }, { droppedAgoMs: 301_000 }],
  ])("is %s by its bound, and until it is clearly below", (kind, bad, between, good) => {
    const key = `${kind} a`;
    expect(kinds([anAgent("a", {}, bad)])).toEqual([key]);
    expect(kinds([anAgent("a", {}, between)])).toEqual([]);
    expect(kinds([anAgent("a", {}, between)], [key])).toEqual([key]);
    expect(kinds([anAgent("a", {}, good)], [key])).toEqual([]);
    // Who is silent may still be so.
    expect(kinds([well, anAgent("a", gone, good)], [key])).toContain(key);
  });

  test("is no lag of a few checks, and nothing of an agent that tells nothing of it", () => {
    expect(kinds([anAgent("a", {}, late(60_000, 19))])).toEqual([]);
    expect(kinds([anAgent("a", { load: null })])).toEqual([]);
    expect(kinds([anAgent("a", { load: idle })])).toEqual([]);
  });

  test("is a clock that is refused", () => {
    const refused = anAgent("a", {}, { work: "idle", clockTrouble: "its offset jumps" });
    expect(kinds([well, refused].map((agent, n) => ({ ...agent, id: `${n}` })))).toEqual(["clock_refused 1"]);
  });
});

/** A coordinator that looks every second, on a store that tells each trouble once. */
function watcher(store: Map<string, AgentTrouble> = new Map()) {
  let memory: Memory | null = null;
  const news: Array<{ at: number; what: "begun" | "ended"; key: string }> = [];
  return {
    store,
    news,
    look(sighting: Sighting, now: number) {
      const open = [...store.values()];
      const decision = decide(memory, complaintsOf(sighting, new Set(store.keys())), open, () => true, now);
      memory = decision.memory;
      for (const { forMs: _, ...complaint } of decision.begun) {
        const key = keyOf(complaint);
        if (store.has(key)) continue;
        store.set(key, { ...complaint, id: key, openedAt: now, ...beginning });
        news.push({ at: now, what: "begun", key });
      }
      for (const { trouble } of decision.ended) {
        const key = keyOf(trouble);
        if (store.delete(key)) news.push({ at: now, what: "ended", key });
      }
    },
  };
}

const wellWorld: Sighting = { agents: [anAgent("a")], wanted: ["eu"] };
const emptyWorld: Sighting = { agents: [anAgent("a", { seenAgoMs: 100_000 })], wanted: ["eu"] };

describe("when it is told", () => {
  test("after it has lasted, once, and its end after that has lasted", () => {
    const { look, news } = watcher();
    let now = 1_000_000;
    const run = (world: Sighting, seconds: number) => {
      for (let second = 0; second < seconds; second++, now += 1_000) look(world, now);
    };
    run(wellWorld, 60);
    const from = now;
    run(emptyWorld, 60);
    const to = now;
    run(wellWorld, 60);
    expect(news).toEqual([
      { at: from + 15_000, what: "begun", key: "region_without_agents eu" },
      { at: to + 5_000, what: "ended", key: "region_without_agents eu" },
    ]);
  });

  test("not while a coordinator that has started waits for the agents to come back", () => {
    const { look, news } = watcher();
    for (let second = 0; second < 44; second++) look(second < 25 ? emptyWorld : wellWorld, second * 1_000);
    expect(news).toEqual([]);
    const lasting = watcher();
    for (let second = 0; second <= 45; second++) lasting.look(emptyWorld, second * 1_000);
    expect(lasting.news).toEqual([{ at: GRACE_MS + 15_000, what: "begun", key: "region_without_agents eu" }]);
  });

  test("not of a time in which nobody could look", () => {
    const { look, news } = watcher();
    for (let second = 0; second < 40; second++) look(wellWorld, second * 1_000);
    look(emptyWorld, 40_000);
    look(emptyWorld, 40_000 + 20_000);
    for (let second = 61; second < 89; second++) look(emptyWorld, second * 1_000);
    expect(news).toEqual([]);
  });

  test("neither beginning nor end is told twice by two coordinators", () => {
    const store = new Map<string, AgentTrouble>();
    const [one, two] = [watcher(store), watcher(store)];
    for (let second = 0; second < 200; second++) {
      const world = second < 60 || second >= 120 ? wellWorld : emptyWorld;
      one.look(world, second * 1_000);
      two.look(world, second * 1_000 + 400);
    }
    expect([...one.news, ...two.news].map(({ what }) => what).sort()).toEqual(["begun", "ended"]);
  });

  const state = fc.record({
    seenAgoMs: fc.constantFrom(500, 500, 500, 50_000),
    work: fc.constantFrom("taking" as const, "taking" as const, "idle" as const),
    clockTrouble: fc.constantFrom(null, null, "jumps"),
    loopDelayMs: fc.constantFrom(0, 0, 300, 600),
    spoolBytes: fc.constantFrom(0, 0, 800, 950),
    drainedAt: fc.constantFrom(null, null, null, 1),
  });
  type State = typeof state extends fc.Arbitrary<infer T> ? T : never;
  const worldOf = (states: State[]): Sighting => ({
    wanted: ["eu"],
    agents: states.map(({ seenAgoMs, drainedAt, ...load }, n) =>
      anAgent(`${n}`, { seenAgoMs, drainedAt, credential: "good" }, { ...load, spoolMaxBytes: 1_000 }),
    ),
  });

  test("each is begun and ended in turn, after it was so at every look for as long as it takes", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ states: fc.tuple(state, state), looks: fc.integer({ min: 1, max: 120 }), gap: fc.boolean() }),
          { maxLength: 15 },
        ),
        (phases) => {
          const { look, news, store } = watcher();
          let now = 1_000_000;
          let steadyFrom = now;
          const history: Array<{ at: number; wrong: ReadonlySet<string> }> = [];
          for (const { states, looks, gap } of phases) {
            if (gap) {
              now += MAX_GAP_MS + 1;
              steadyFrom = now;
            }
            for (let n = 0; n < looks; n++, now += 1_000) {
              const world = worldOf(states);
              history.push({ at: now, wrong: new Set(complaintsOf(world, new Set(store.keys())).map(keyOf)) });
              const before = news.length;
              look(world, now);
              for (const { what, key } of news.slice(before)) {
                const kind = troubleKinds.find((one) => key.startsWith(one)) as (typeof troubleKinds)[number];
                const since = now - patience[kind][what === "begun" ? "tellMs" : "endMs"];
                expect(since).toBeGreaterThanOrEqual(steadyFrom + GRACE_MS);
                const during = history.filter(({ at }) => at >= since);
                expect(during.every(({ wrong }) => wrong.has(key) === (what === "begun"))).toBe(true);
              }
            }
          }
          for (const key of new Set(news.map((one) => one.key))) {
            const course = news.filter((one) => one.key === key).map(({ what }) => what);
            expect(course).toEqual(course.map((_, n) => (n % 2 === 0 ? "begun" : "ended")));
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});
