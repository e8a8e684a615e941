import { describe, expect, test } from "vitest";
import { decideDue } from "../../../coordinator/notify/due.ts";
import { alertRuleDocument } from "../../../coordinator/notify/rule.ts";
import type { DueDelivery } from "../../../coordinator/store/deliveries.ts";

const now = 1_000_000;
const CHANNEL = "chn_00000000000000000001";
const OTHER = "chn_00000000000000000002";
const events = ["down", "up", "degraded", "no_data"] as const;
const document = { name: "all", events, steps: [{ channels: [CHANNEL] }, { after: "5m", channels: [OTHER] }] };
const rules = [{ ...alertRuleDocument.parse(document), id: "rul_1" }];
const decide = (due: readonly DueDelivery[], known = rules) => decideDue(due, known, now);

const aDelivery = (id: string, changes: Partial<Omit<DueDelivery, "message">> = {}): DueDelivery => {
  const delivery = { ...anyDelivery(id), ...changes };
  return { ...delivery, message: delivery.content };
};
const anyDelivery = (id: string): Omit<DueDelivery, "message"> => ({
  id,
  channelId: CHANNEL,
  channelType: "slack",
  ruleId: "rul_1",
  noticeId: id,
  incidentId: `inc_${id}`,
  troubleId: null,
  monitorId: `mon_${id}`,
  event: "down",
  step: 0,
  repeat: 0,
  dueAt: now,
  state: "planned",
  attempts: 0,
  lastError: null,
  mergedInto: null,
  createdAt: now,
  endedAt: null,
  isOver: false,
  isAcknowledged: false,
  isBehind: false,
  isHeard: true,
  inMaintenance: false,
  inDoubt: false,
  startedAt: now - 500,
  traits: { id: `mon_${id}`, type: "tcp", tags: [] },
  above: null,
  content: {
    id,
    event: "down",
    severity: "critical",
    at: now,
    title: `DOWN: ${id}`,
    lines: ["tcp 127.0.0.1:9"],
    repeat: 0,
    key: `inc_${id}`,
    monitors: [{ id: `mon_${id}`, name: id, type: "tcp", target: "127.0.0.1:9", verdict: "down" }],
    incident: null,
    trouble: null,
    evidence: [],
    url: null,
  },
});
const longAgo = { ...anyDelivery("a").content, at: now - 20_000 };
/** A monitor whose parent was looked at since, and is well. */
const above = { isDown: false, heardAt: now - 100, wellSince: now - 9e6, ownHeardAt: now - 500, timeoutMs: 1_000 };

test.each([
  [{ isOver: true }, "cancelled"],
  [{ isOver: true, event: "up" }, "queued"],
  [{ isAcknowledged: true }, "queued"],
  [{ isAcknowledged: true, repeat: 1 }, "cancelled"],
  [{ isAcknowledged: true, step: 1 }, "cancelled"],
  [{ inMaintenance: true }, "planned"],
  [{ inMaintenance: true, event: "up" }, "queued"],
  // What it depends on is well, and was looked at since.
  [{ above }, "queued"],
  [{ above: { ...above, isDown: true } }, "planned"],
  [{ above: { ...above, isDown: true }, event: "up" }, "queued"],
  // It was not looked at since the trouble began, and all there is to wait for is its answer.
  [{ above: { ...above, heardAt: now - 600 } }, "planned"],
  [{ above: { ...above, heardAt: now - 30_000 }, startedAt: now - 20_000, content: longAgo }, "queued"],
  // It came back, and the monitor itself was not looked at since, or is being looked at.
  [{ above: { ...above, wellSince: now - 400 } }, "planned"],
  [{ above: { ...above, wellSince: now - 400, ownHeardAt: now - 300 } }, "queued"],
  [{ above: { ...above, wellSince: now - 400, ownHeardAt: now - 300 }, inDoubt: true }, "planned"],
  [{ above: { ...above, wellSince: now - 12_000 }, startedAt: now - 20_000, content: longAgo }, "queued"],
  // That is found out by a second check.
  [
    { above: { ...above, wellSince: now - 12_000 }, startedAt: now - 30_000, content: longAgo, inDoubt: true },
    "planned",
  ],
  [
    { above: { ...above, wellSince: now - 23_000 }, startedAt: now - 30_000, content: longAgo, inDoubt: true },
    "queued",
  ],
  // An earlier message of the same is on its way.
  [{ isBehind: true }, "planned"],
  [{ isBehind: true, event: "up" }, "planned"],
  // Nobody heard of the beginning.
  [{ isHeard: false, event: "up" }, "cancelled"],
  // The rule tells of it no more, or never did.
  [{ event: "flapping" }, "cancelled"],
  [{ channelId: "chn_00000000000000000003" }, "cancelled"],
] as const)("what is due and %j becomes %s", (changes, state) => {
  expect(decide([aDelivery("a", changes as Partial<DueDelivery>)])).toMatchObject([{ id: "a", state }]);
});

test("what was planned is called off when its rule is removed or switched off, but where another one tells the same", () => {
  const [rule] = rules;
  if (!rule) throw new Error("there is a rule");
  const states = (known: typeof rules) => decide([aDelivery("a")], known).map(({ state }) => state);
  expect(states([])).toEqual(["cancelled"]);
  expect(states([{ ...rule, enabled: false }])).toEqual(["cancelled"]);
  expect(states([{ ...rule, tags: ["other"] }])).toEqual(["cancelled"]);
  expect(states([{ ...rule, id: "rul_2" }])).toEqual(["queued"]);
  expect(decide([aDelivery("a", { event: "up" })], [])).toMatchObject([{ state: "queued" }]);
});

test("several of one event for one channel are one message that names them all", () => {
  const decided = decide([aDelivery("b"), aDelivery("a", { dueAt: now - 1 }), aDelivery("c")]);
  expect(decided).toMatchObject([
    { id: "a", state: "queued", message: { id: "a", title: "DOWN: 3 monitors (a, b, c)" } },
    { id: "b", state: "merged", into: "a" },
    { id: "c", state: "merged", into: "a" },
  ]);
});

test("what is of another event, channel, rule or step stays apart", () => {
  const others = [
    { event: "degraded" },
    { channelId: OTHER },
    { ruleId: "rul_2" },
    { step: 1 },
    { repeat: 1 },
  ] as const;
  const all = [aDelivery("a"), ...others.map((changes, n) => aDelivery(`b${n}`, changes))];
  expect(decide(all).map(({ state }) => state)).toEqual(all.map(() => "queued"));
});

describe("that results come again", () => {
  const about = { monitorId: "mon_a" };
  const back = (changes: Partial<Omit<DueDelivery, "message">> = {}) =>
    aDelivery("back", { ...about, event: "data_back", incidentId: null, ...changes });

  test.each(["down", "degraded"] as const)("is not told beside that it is %s", (event) => {
    expect(decide([back(), aDelivery("a", { ...about, event })])).toEqual([
      { id: "a", state: "queued" },
      { id: "back", state: "merged", into: "a" },
    ]);
  });

  test("is not told beside a message over several, whichever of them goes out", () => {
    expect(decide([back(), aDelivery("b", { dueAt: now - 1 }), aDelivery("a", about)])).toMatchObject([
      { id: "b", state: "queued" },
      { id: "a", state: "merged", into: "b" },
      { id: "back", state: "merged", into: "b" },
    ]);
  });

  test.each([
    ["nothing", []],
    ["what is told later", [{ ...about, isBehind: true }]],
    ["what is not told", [{ ...about, isOver: true }]],
    ["what is told elsewhere", [{ ...about, channelId: OTHER }]],
    ["what is told of another monitor", [{}]],
    ["a reminder", [{ ...about, repeat: 1 }]],
  ] as const)("is told beside %s", (_, others) => {
    const decided = decide([back(), ...others.map((changes, n) => aDelivery(`b${n}`, changes))]);
    expect(decided).toContainEqual({ id: "back", state: "queued" });
  });

  test.each(["pagerduty", "opsgenie", "webhook", "command"] as const)("is always told to %s", (channelType) => {
    const decided = decide([back({ channelType }), aDelivery("a", { ...about, channelType })]);
    expect(decided.map(({ id, state }) => [id, state]).sort()).toEqual([
      ["a", "queued"],
      ["back", "queued"],
    ]);
  });

  test("of many makes one message", () => {
    const decided = decide([back(), { ...back({ monitorId: "mon_b" }), id: "more" }]);
    expect(decided).toMatchObject([
      { id: "back", state: "queued" },
      { id: "more", state: "merged" },
    ]);
  });
});

test("services that keep an alert per incident get a message for each", () => {
  const decided = decide([aDelivery("a", { channelType: "pagerduty" }), aDelivery("b", { channelType: "pagerduty" })]);
  expect(decided.map(({ state }) => state)).toEqual(["queued", "queued"]);
});
