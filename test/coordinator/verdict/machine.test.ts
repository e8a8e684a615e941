import { expect, test } from "vitest";
import { judgedAnew } from "../../../coordinator/verdict/anew.ts";
import { CONFIRM_WAIT_MS, step } from "../../../coordinator/verdict/machine.ts";
import type { Arrival, Ballot, Effect, Outcome, Subject } from "../../../coordinator/verdict/state.ts";
import { initialState } from "../../../coordinator/verdict/state.ts";
import type { Policy } from "../../../coordinator/verdict/verdict.ts";

const policy: Policy = { enabled: true, intervalMs: 60_000, timeoutMs: 10_000, quorum: "majority" };
const start = 1_000_000_000;

/** Drives the machine by hand, remembering what came of each step. */
function play(options: Partial<Pick<Subject<Ballot>, "policy" | "regions">> = {}) {
  const { regions = ["a", "b", "c"] } = options;
  let outcome: Outcome<Ballot> = { state: initialState, votes: [], effects: [], dueAt: null };
  const played = {
    suspects: [] as string[],
    absent: [] as string[],
    impaired: [] as string[],
    newcomers: {} as Record<string, number>,
    maintenance: false,
    regions,
    votingSince: 0,
    policy: options.policy ?? policy,
    get state() {
      return outcome.state;
    },
    get dueAt() {
      return outcome.dueAt;
    },
    /** Results of scheduled checks, such as `a:up`, that were due and arrived at an instant. */
    results(at: number, ...told: string[]): Effect<Ballot>[] {
      return played.step(
        at,
        told.map((text) => arrival(text, at, 0)),
      );
    },
    /** Results of the confirmation checks of the doubt at hand. */
    answers(at: number, ...told: string[]): Effect<Ballot>[] {
      const asked = outcome.state.doubt?.at ?? 0;
      return played.step(
        at,
        told.map((text) => ({ ...arrival(text, asked, 7), receivedAt: at })),
      );
    },
    /** What is judged is changed. */
    change(at: number): void {
      outcome = { ...outcome, state: judgedAnew(outcome.state, played.policy.enabled, at) };
    },
    step(now: number, arrivals: Arrival<Ballot>[] = []): Effect<Ballot>[] {
      const { policy, suspects, absent, maintenance, regions, impaired, newcomers, votingSince } = played;
      const isAbsent = (region: string) => absent.includes(region);
      const circumstances = { policy, regions, impaired, newcomers, votingSince, suspects, isAbsent, maintenance };
      outcome = step({ ...outcome, ...circumstances }, arrivals, now);
      return [...outcome.effects];
    },
  };
  return played;
}

function arrival(text: string, at: number, attempt: number): Arrival<Ballot> {
  const [region, status] = text.split(":") as [string, Ballot["status"]];
  return { region, status, scheduledAt: at, attempt, checkedAt: at, receivedAt: at };
}

const told = (effects: Effect<Ballot>[]) =>
  effects.map((effect) => (effect.type === "settled" ? `${effect.from} to ${effect.to}` : effect.type));

function up(options?: Parameters<typeof play>[0]) {
  const played = play(options);
  played.results(start, ...(options?.regions ?? ["a", "b", "c"]).map((region) => `${region}:up`));
  expect(played.state.verdict).toBe("up");
  return played;
}

function down() {
  const played = up();
  played.results(start + 1_000, "a:down");
  played.answers(start + 1_100, "a:down", "b:down", "c:down");
  expect(played.state.verdict).toBe("down");
  return played;
}

test("a check that was asked for and came in the very ms that it was due in is no answer to what is asked because of it", () => {
  const played = down();
  const at = start + 60_000;
  // What depends on what comes back is asked by whole seconds; regions answer one after the other.
  expect(played.step(at, [arrival("a:up", at, 5)])).toMatchObject([{ type: "confirm", at: at + 1 }]);
  expect(told(played.step(at + 5, [{ ...arrival("b:up", at, 5), receivedAt: at + 5 }]))).toEqual([]);
  expect(told(played.answers(at + 10, "a:up", "b:up", "c:up"))).toEqual(["down to up"]);
});

test("a region that gets its vote back is asked about as of then, and not as of before", () => {
  const played = up();
  played.regions = ["a", "b"];
  played.results(start + 1_000, "a:down");
  played.answers(start + 1_100, "a:down", "b:up");
  expect(played.state.verdict).toBe("degraded");
  played.results(start + 2_000, "c:down");
  played.regions = ["a", "b", "c"];
  played.votingSince = start + 9_000;
  expect(played.step(start + 9_400)).toEqual([{ type: "confirm", at: start + 9_000, regions: ["a", "b", "c"] }]);
});

test("a region that comes up makes nothing unknown before it had the time for a first word", () => {
  const played = up({ regions: ["a"] });
  played.regions = ["a", "b"];
  played.newcomers = { b: start + 60_000 };
  expect(told(played.step(start + 1_000))).toEqual([]);
  expect(told(played.results(start + 30_000, "a:up"))).toEqual([]);
  expect(played.dueAt).toBe(start + 60_000);
  expect(told(played.step(start + 60_000))).toEqual(["up to unknown"]);
});

test("a region that comes up is asked at once, and makes a quorum only with its own word", () => {
  const played = up({ regions: ["a"] });
  played.regions = ["a", "b"];
  played.newcomers = { b: start + 60_000 };
  expect(played.results(start + 1_000, "a:down")).toMatchObject([{ type: "confirm", regions: ["a", "b"] }]);
  expect(told(played.answers(start + 1_100, "a:down"))).toEqual([]);
  expect(told(played.answers(start + 1_200, "b:down"))).toEqual(["up to down"]);
});

test("the first passing votes make it up without confirmation, as soon as they are enough", () => {
  const played = play();
  expect(told(played.results(start, "a:up"))).toEqual([]);
  expect(told(played.results(start + 10, "b:up"))).toEqual(["unknown to up"]);
});

test("a first failing vote asks every voting region at once, and a quorum of failing answers is down", () => {
  const played = up();
  expect(played.results(start + 1_000, "a:down")).toEqual([
    { type: "confirm", at: start + 1_000, regions: ["a", "b", "c"] },
  ]);
  expect(played.state.verdict).toBe("up");
  expect(told(played.answers(start + 1_100, "b:down"))).toEqual([]);
  expect(told(played.answers(start + 1_200, "c:down"))).toEqual(["up to down"]);
});

test("trouble that only one region sees twice is degraded, and once is a blip", () => {
  const regional = up();
  regional.results(start + 1_000, "a:down");
  expect(told(regional.answers(start + 1_100, "a:down", "b:up", "c:up"))).toEqual(["up to degraded"]);
  const blip = up();
  blip.results(start + 1_000, "a:down");
  expect(told(blip.answers(start + 1_100, "a:up", "b:up", "c:up"))).toEqual(["cleared"]);
});

test("a region without an agent is not asked, so that nobody waits for it", () => {
  const played = up();
  played.absent = ["c"];
  expect(played.results(start + 1_000, "a:down")).toMatchObject([{ type: "confirm", regions: ["a", "b"] }]);
  expect(told(played.answers(start + 1_100, "a:up", "b:up"))).toEqual(["cleared"]);
});

test("with one region the recheck decides", () => {
  const played = up({ regions: ["a"] });
  expect(told(played.results(start + 1_000, "a:down"))).toEqual(["confirm"]);
  expect(told(played.answers(start + 1_100, "a:down"))).toEqual(["up to down"]);
});

test("one region that fails and is not heard of again makes nothing down", () => {
  const played = up({ regions: ["a"] });
  played.results(start + 1_000, "a:down");
  const after = played.step(start + 1_000 + CONFIRM_WAIT_MS + policy.timeoutMs);
  expect(played.state.verdict).toBe("up");
  expect(told(after)).toEqual([]);
});

test("when the answers are lost, a quorum of other votes counts at the end of the wait", () => {
  const played = up();
  played.results(start + 1_000, "a:down");
  expect(told(played.results(start + 2_000, "b:down"))).toEqual([]);
  for (let at = start + 3_000; at <= start + 22_000; at += 1_000) played.step(at);
  expect(played.state.verdict).toBe("down");
});

test("recovery is confirmed in the same way", () => {
  const played = down();
  expect(told(played.results(start + 5_000, "b:up"))).toEqual(["confirm"]);
  expect(played.state.verdict).toBe("down");
  expect(told(played.answers(start + 5_100, "a:up", "b:up", "c:up"))).toEqual(["down to up"]);
});

test("a passing blip while it is down changes nothing", () => {
  const played = down();
  played.results(start + 5_000, "b:up");
  expect(told(played.answers(start + 5_100, "a:down", "b:down", "c:down"))).toEqual(["cleared"]);
  expect(played.state.verdict).toBe("down");
});

test("an agent that fails by itself makes nothing unknown before a vote from before would have run out", () => {
  const played = up({ regions: ["a"] });
  const end = start + 2 * policy.intervalMs + policy.timeoutMs;
  const effects: Effect<Ballot>[] = [];
  for (let at = start + policy.intervalMs; at < end; at += 10_000) effects.push(...played.results(at, "a:error"));
  expect(told(effects)).toEqual([]);
  expect(played.dueAt).toBe(end);
  expect(told(played.step(end))).toEqual(["up to unknown"]);
  expect(told(played.results(end + 1, "a:up"))).toEqual(["unknown to up"]);
});

test("an agent that fails by itself when it is asked clears nothing and settles nothing", () => {
  const played = up({ regions: ["a"] });
  played.results(start + 1_000, "a:down");
  expect(told(played.answers(start + 1_100, "a:error"))).toEqual([]);
  expect(played.state).toMatchObject({ settled: "up", doubt: null });
});

test("that impaired regions leave nothing to judge by is no silence, and its end is no news", () => {
  const played = up({ regions: ["a", "b"] });
  played.regions = [];
  played.impaired = ["a", "b"];
  expect(played.step(start + 1_000)).toMatchObject([{ to: "unknown", forImpaired: true }]);
  played.regions = ["a", "b"];
  played.impaired = [];
  expect(played.step(start + 2_000)).toMatchObject([{ from: "unknown", to: "up", before: null }]);
  expect(played.step(start + 200_000)).toMatchObject([{ to: "unknown" }]);
  expect(played.results(start + 200_100, "a:up", "b:up")).toMatchObject([{ to: "up", before: "up" }]);
});

test("beside an impaired region the silence of others is silence", () => {
  const played = up({ regions: ["a", "b", "c", "d", "e"] });
  played.regions = ["b", "c", "d", "e"];
  played.impaired = ["a"];
  for (const at of [start + 60_000, start + 120_000]) played.results(at, "b:up");
  const [effect] = played.step(start + 130_000);
  expect(effect).toMatchObject({ type: "settled", to: "unknown" });
  expect(effect).not.toHaveProperty("forImpaired");
});

test("votes that run out make it unknown, and their return is no news", () => {
  const played = down();
  const end = start + 1_000 + 2 * policy.intervalMs + policy.timeoutMs;
  expect(told(played.step(end - 1))).toEqual([]);
  expect(told(played.step(end + 1_000))).toEqual(["down to unknown"]);
  expect(told(played.results(end + 60_000, "a:down", "b:down"))).toEqual(["unknown to down"]);
});

test("answers in any order, repeated, or to an older question come to the same", () => {
  const played = up();
  played.results(start + 1_000, "a:down");
  const late = { ...arrival("b:down", start + 900, 7), receivedAt: start + 1_050 };
  played.step(start + 1_050, [late, late, late]);
  expect(told(played.answers(start + 1_100, "c:up", "c:up", "a:up", "a:down"))).toEqual([]);
  expect(told(played.answers(start + 1_200, "b:up"))).toEqual(["cleared"]);
});

test("an outdated result is no vote", () => {
  const played = up();
  expect(
    told(played.step(start + 1_000, [{ ...arrival("a:down", start - 60_000, 0), receivedAt: start + 1_000 }])),
  ).toEqual([]);
});

test("while it is paused or in maintenance nothing is asked, and afterwards it is judged anew", () => {
  const played = up();
  played.maintenance = true;
  expect(told(played.results(start + 1_000, "a:down", "b:down", "c:down"))).toEqual(["overlay"]);
  expect(played.state.verdict).toBe("maintenance");
  played.maintenance = false;
  const ended = played.step(start + 2_000);
  expect(told(ended)).toEqual(["overlay", "confirm"]);
  // Nothing is asked, or told, of the time in which it was on.
  expect(ended.map(({ at }) => at)).toEqual([start + 2_000, start + 2_000]);
  played.policy = { ...policy, enabled: false };
  played.step(start + 3_000);
  expect(played.state).toMatchObject({ verdict: "paused", doubt: null });
});

test("that it flaps is told once, however often it changes until it has settled", () => {
  const played = up();
  const seen: string[] = [];
  for (let n = 1; n <= 15; n++) {
    const status = n % 2 === 1 ? "down" : "up";
    const at = start + 20_000 * n;
    seen.push(...told(played.results(at, `a:${status}`)));
    seen.push(...told(played.answers(at + 100, `a:${status}`, `b:${status}`, `c:${status}`)));
  }
  expect(seen.filter((effect) => effect === "flapping")).toHaveLength(1);
  expect(played.state.flapping).toBe(true);
});

test("a change of which regions see it is asked about once", () => {
  const played = up({ regions: ["a", "b", "c", "d", "e"] });
  played.results(start + 1_000, "a:down");
  played.answers(start + 1_100, "a:down", "b:up", "c:up", "d:up", "e:up");
  expect(told(played.results(start + 5_000, "b:degraded"))).toEqual(["confirm"]);
  expect(told(played.answers(start + 5_100, "a:down", "b:degraded", "c:up", "d:up", "e:up"))).toEqual(["evidence"]);
  for (let at = start + 6_000; at < start + 60_000; at += 1_000) expect(told(played.step(at))).toEqual([]);
});

test("it flaps after many changes, and has settled after a calm time", () => {
  const played = up();
  const all = (at: number, status: string) => {
    played.results(at, `a:${status}`);
    return told(played.answers(at + 100, `a:${status}`, `b:${status}`, `c:${status}`));
  };
  for (let n = 0; n < 5; n++) all(start + 10_000 * (n + 1), n % 2 === 0 ? "down" : "up");
  expect(played.state.flapping).toBe(false);
  expect(all(start + 60_000, "up")).toEqual(["down to up", "flapping"]);
  for (let at = start + 60_100; played.state.flapping && at < start + 600_000; at += 30_000) {
    played.results(at, "a:up", "b:up", "c:up");
  }
  expect(played.state.flapping).toBe(false);
});

test("what a suspect region alone sees is held back", () => {
  const played = up();
  played.suspects = ["a"];
  played.results(start + 1_000, "a:down");
  expect(played.answers(start + 1_100, "a:down", "b:up", "c:up")).toEqual([
    { type: "held", at: start + 1_100, since: start + 1_000, regions: ["a"], until: start + 51_000 },
  ]);
  expect(told(played.step(start + 1_600))).toEqual([]);
  played.suspects = [];
  expect(told(played.step(start + 3_000))).toEqual(["released", "up to degraded"]);
});

const hourly: Policy = { ...policy, intervalMs: 3_600_000 };

test("what reaches the coordinator long after its time is no vote", () => {
  const played = up({ policy: hourly });
  const now = start + 1_800_000;
  const spooled = ["a:down", "b:down", "c:down"].map((text) => ({
    ...arrival(text, start + 1_000_000, 0),
    receivedAt: now,
  }));
  expect(told(played.step(now, spooled))).toEqual([]);
  expect(played.step(now + 3_600_000, spooled)).toEqual([]);
});

test("a doubt that nobody watched the end of is begun again", () => {
  const played = up({ policy: hourly });
  played.results(start + 1_000, "a:down", "b:down");
  const back = start + 600_000;
  expect(told(played.step(back))).toEqual(["confirm"]);
  const answered = ["a:up", "b:up", "c:up"].map((text) => ({ ...arrival(text, start + 1_000, 7), receivedAt: back }));
  expect(told(played.step(back, answered))).toEqual([]);
  expect(told(played.answers(back + 100, "a:up", "b:up", "c:up"))).toEqual(["cleared"]);
});

test("after a long absence what has come by then is taken before anything is judged", () => {
  const played = up();
  const back = start + 600_000;
  const came = ["a:up", "b:up", "c:up"].map((text) => ({
    ...arrival(text, back - 30_000, 0),
    receivedAt: back - 20_000,
  }));
  expect(told(played.step(back, came))).toEqual([]);
});

test.each([
  ["up", null],
  ["no data", "up"],
] as const)(
  "a change of what is judged tells of nothing that comes back after %s but data that ran out",
  (was, before) => {
    const played = up();
    const changedAt = start + 300_000;
    if (was === "no data") expect(told(played.step(changedAt))).toEqual(["up to unknown"]);
    played.change(changedAt);
    expect(played.results(changedAt + 1_000, "a:up", "b:up")).toMatchObject([{ from: "unknown", to: "up", before }]);
  },
);

test("that it flaps outlives a change of what is judged, and ends as ever", () => {
  const played = up();
  for (let n = 0; n < 6; n++) {
    const at = start + 10_000 * (n + 1);
    const status = n % 2 === 0 ? "down" : "up";
    played.results(at, `a:${status}`);
    played.answers(at + 100, `a:${status}`, `b:${status}`, `c:${status}`);
  }
  played.change(start + 100_000);
  expect(played.state.flapping).toBe(true);
  const effects: Effect<Ballot>[] = [];
  for (let at = start + 101_000; at < start + 600_000; at += 30_000)
    effects.push(...played.results(at, "a:up", "b:up"));
  expect(effects.filter(({ type }) => type === "flapping")).toMatchObject([{ flapping: false }]);
});

test("what was seen before a pause counts no more after it", () => {
  const played = up();
  played.policy = { ...policy, enabled: false };
  played.step(start + 1_000);
  played.policy = policy;
  expect(told(played.step(start + 2_000))).toEqual(["overlay"]);
  expect(played.state.verdict).toBe("unknown");
  expect(told(played.results(start + 3_000, "a:up", "b:up"))).toEqual(["unknown to up"]);
});

test.each([
  ["any", ["a:down"]],
  ["majority", ["a:down", "b:down"]],
  [1, ["c:down"]],
] as const)("with quorum %s, silence ends an outage in unknown and nothing else", (quorum, failing) => {
  const played = play({ policy: { ...policy, quorum } });
  played.results(start, "a:up", "b:up", "c:up");
  played.results(start + 1_000, ...failing);
  played.answers(start + 1_100, ...failing);
  for (let at = start + 20_000; !failing.every((text) => text.startsWith("c")) && at < start + 100_000; at += 20_000) {
    played.results(at, "c:up");
  }
  expect(played.state.verdict).toBe("down");
  const heard: string[] = [];
  for (let at = start + 100_000; at < start + 400_000; at += 1_000) heard.push(...told(played.step(at)));
  expect(heard.filter((effect) => effect !== "confirm")).toEqual(["down to unknown"]);
});

test("a region that sees it well again while another's answer is under way is not counted as failing", () => {
  const played = up();
  played.results(start + 1_000, "a:down");
  played.answers(start + 1_100, "a:down");
  played.results(start + 6_000, "a:up");
  expect(told(played.answers(start + 9_000, "b:down", "c:up"))).toEqual(["up to degraded"]);
});

test("one region that fails check after check is believed though all answers are lost", () => {
  const played = up({ regions: ["a"], policy: { ...policy, intervalMs: 30_000 } });
  for (let at = start + 30_000; at <= start + 90_000; at += 30_000) {
    for (let due = played.dueAt; due !== null && due < at; due = played.dueAt) played.step(due);
    played.results(at, "a:down");
  }
  expect(played.state.verdict).toBe("down");
});

test("who does not answer is asked ever more seldom, but at once when there is more trouble", () => {
  const played = up({ policy: hourly });
  const asked = [played.results(start + 1_000, "a:down")].flat();
  const pass = (until: number) => {
    for (let due = played.dueAt; due !== null && due < until; due = played.dueAt) asked.push(...played.step(due));
  };
  pass(start + 3_000_000);
  expect(told(asked)).toEqual(Array.from({ length: 7 }, () => "confirm"));
  expect(played.state.verdict).toBe("up");
  asked.length = 0;
  asked.push(...played.results(start + 3_000_000, "b:down"));
  pass(start + 3_001_500);
  expect(told(asked)).toEqual(["confirm"]);
});

test("that it goes on after a silence is not taken from one region's first word", () => {
  const played = up({ regions: ["a"] });
  played.results(start + 1_000, "a:down");
  played.answers(start + 1_100, "a:down");
  expect(told(played.step(start + 200_000))).toEqual(["down to unknown"]);
  expect(told(played.results(start + 300_000, "a:down"))).toEqual(["confirm"]);
  expect(told(played.answers(start + 300_100, "a:down"))).toEqual(["unknown to down"]);
});

test("trouble that was held back and has passed is not settled", () => {
  const played = up();
  played.suspects = ["a"];
  played.results(start + 1_000, "a:down");
  played.answers(start + 1_100, "a:down", "b:up", "c:up");
  const effects = played.results(start + 5_000, "a:up");
  for (let at = start + 6_000; at < start + 60_000; at += 1_000) effects.push(...played.step(at));
  expect(told(effects)).toEqual(["released", "cleared"]);
});

test("what is held back for one suspect region's sake is so for that of another one that joins it", () => {
  const played = up({ regions: ["a", "b", "c", "d", "e"] });
  played.suspects = ["a", "b"];
  played.results(start + 1_000, "a:down");
  played.answers(start + 1_100, "a:down", "b:up", "c:up", "d:up", "e:up");
  expect(played.results(start + 1_500, "b:down")).toMatchObject([{ type: "held", regions: ["a", "b"] }]);
  played.maintenance = true;
  expect(told(played.step(start + 2_000))).toEqual(["overlay", "released"]);
});

test("trouble is held back no longer than it says, however often it is looked at", () => {
  const played = up();
  played.suspects = ["a"];
  played.results(start + 1_000, "a:down");
  played.answers(start + 1_100, "a:down", "b:up", "c:up");
  const until = start + 1_000 + CONFIRM_WAIT_MS + policy.timeoutMs + 30_000;
  for (let at = start + 1_300; at < until; at += 700) expect(told(played.step(at))).toEqual([]);
  expect(told(played.step(until))).toEqual(["released", "up to degraded"]);
});

test("one failing vote beside an old slow one is not two that fail", () => {
  const played = up({ policy: { ...hourly, quorum: "any" } });
  played.results(start + 1_000, "b:degraded");
  for (let due = played.dueAt; due !== null && due < start + 900_000; due = played.dueAt) played.step(due);
  const effects = played.results(start + 900_000, "c:down");
  for (let due = played.dueAt; due !== null && due < start + 930_000; due = played.dueAt)
    effects.push(...played.step(due));
  expect(told(effects)).toEqual(["confirm"]);
});

test("one region's passing blip during an outage is not believed when nobody answers", () => {
  const played = play();
  played.results(start, "a:up", "b:up", "c:up");
  played.results(start + 1_000, "a:down");
  played.answers(start + 1_100, "a:down", "b:down", "c:up");
  expect(played.state.verdict).toBe("down");
  const effects = played.results(start + 5_000, "b:up");
  effects.push(...played.step(start + 5_000 + CONFIRM_WAIT_MS + policy.timeoutMs));
  expect(told(effects)).toEqual(["confirm"]);
});

test("flapping is told of by a change, not by what comes back as it was", () => {
  const played = up();
  for (let n = 1; n <= 6; n++) {
    const status = n % 2 === 1 ? "down" : "up";
    played.results(start + 10_000 * n, `a:${status}`);
    played.answers(start + 10_000 * n + 100, `a:${status}`, `b:${status}`, `c:${status}`);
  }
  expect(told(played.step(start + 400_000))).toEqual(["flapping", "up to unknown"]);
  expect(told(played.results(start + 400_100, "a:up", "b:up", "c:up"))).toEqual(["unknown to up"]);
});

test("a region may be called as it likes", () => {
  const played = up({ regions: ["constructor"] });
  expect(told(played.results(start + 1_000, "constructor:down"))).toEqual(["confirm"]);
  expect(told(played.step(start + 1_050))).toEqual([]);
  expect(told(played.answers(start + 1_100, "constructor:down"))).toEqual(["up to down"]);
});

test("what one coordinator's fast clock received later than now has come now", () => {
  const played = up();
  played.step(start + 1_000, [{ ...arrival("a:up", start + 900, 0), receivedAt: start + 60_000 }]);
  expect(played.state.at).toBe(start + 1_000);
});

test("the row of a region's equal results is broken by a silence", () => {
  let outcome: Outcome<Ballot> = { state: initialState, votes: [], effects: [], dueAt: null };
  const later = start + 10 * policy.intervalMs;
  for (const at of [start, start + policy.intervalMs, later]) {
    outcome = step(
      { ...outcome, policy, regions: ["a"], suspects: [], maintenance: false },
      [arrival("a:down", at, 0)],
      at,
    );
    expect(outcome.votes[0]?.sideSince).toBe(at === later ? later : start);
  }
});

test("what is stale when it comes is kept as no vote, so that it is none a moment ago either", () => {
  const now = start + 200_000;
  const stale = { ...arrival("a:up", now - 130_000, 0), receivedAt: now };
  const subject: Subject<Ballot> = {
    state: initialState,
    votes: [],
    policy,
    regions: ["a"],
    suspects: [],
    maintenance: false,
  };
  expect(step(subject, [stale], now)).toMatchObject({ votes: [], effects: [] });
  expect(step(subject, [{ ...stale, scheduledAt: stale.scheduledAt + 1 }], now).votes).toHaveLength(1);
});

test("a result that comes again is no answer", () => {
  const played = play({ policy: { ...policy, quorum: "any" } });
  const extra = { ...arrival("a:down", start, 7), checkedAt: start };
  expect(told(played.step(start, [extra]))).toEqual(["confirm"]);
  expect(told(played.step(start, [extra]))).toEqual([]);
  expect(played.state.doubt?.answers).toEqual({});
});

test("of two answers of one region the later attempt counts, in whichever order they come", () => {
  for (const attempts of [
    [7, 8],
    [8, 7],
  ]) {
    const played = up();
    played.results(start + 1_000, "b:down");
    for (const attempt of attempts) {
      const answer = {
        ...arrival(attempt === 7 ? "a:down" : "a:up", start + 1_000, attempt),
        receivedAt: start + 1_100,
      };
      played.step(start + 1_100, [answer]);
    }
    expect(played.state.doubt?.answers).toEqual({ a: "up" });
  }
});

test("trouble begins with the first check that saw what was not known: not with what one region has long been seeing", () => {
  const played = up();
  const begun = (effects: Effect<Ballot>[]) =>
    effects.flatMap((effect) => (effect.type === "settled" ? effect.begunAt : []));
  played.results(start + 1_000, "c:degraded");
  expect(told(played.answers(start + 1_100, "a:up", "b:up", "c:degraded"))).toEqual(["cleared"]);
  played.results(start + 61_000, "a:up", "b:up", "c:degraded");
  played.results(start + 121_000, "a:degraded");
  expect(begun(played.answers(start + 121_200, "a:degraded", "b:up", "c:degraded"))).toEqual([start + 121_000]);
  // Worse: since the first that saw it so; and better: since the first that did.
  played.results(start + 130_000, "b:down");
  expect(begun(played.answers(start + 130_500, "a:degraded", "b:down", "c:down"))).toEqual([start + 130_000]);
  played.results(start + 140_000, "b:up");
  const better = played.answers(start + 140_500, "a:up", "b:up", "c:up");
  expect(told(better)).toEqual(["down to up"]);
  expect(begun(better)).toEqual([start + 140_000]);
});
