import { expect, test } from "vitest";
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
    maintenance: false,
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
    step(now: number, arrivals: Arrival<Ballot>[] = []): Effect<Ballot>[] {
      const { policy, suspects, maintenance } = played;
      outcome = step({ ...outcome, policy, regions, suspects, maintenance }, arrivals, now);
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
  expect(told(played.step(start + 2_000))).toEqual(["overlay", "confirm"]);
  played.policy = { ...policy, enabled: false };
  played.step(start + 3_000);
  expect(played.state).toMatchObject({ verdict: "paused", doubt: null });
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
  expect(told(played.answers(start + 1_100, "a:down", "b:up", "c:up"))).toEqual([]);
  played.suspects = [];
  expect(told(played.step(start + 3_000))).toEqual(["up to degraded"]);
});
