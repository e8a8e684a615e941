import { expect, test } from "vitest";
import { decideDue } from "../../../coordinator/notify/due.ts";
import type { DueDelivery } from "../../../coordinator/store/deliveries.ts";

const now = 1_000_000;
const aDelivery = (id: string, changes: Partial<DueDelivery> = {}): DueDelivery => ({
  id,
  channelId: "chn_1",
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
  isSilenced: false,
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
  ...changes,
});

test.each([
  [{ isOver: true }, "cancelled"],
  [{ isOver: true, event: "up" }, "queued"],
  [{ isAcknowledged: true }, "queued"],
  [{ isAcknowledged: true, repeat: 1 }, "cancelled"],
  [{ isAcknowledged: true, step: 1 }, "cancelled"],
  [{ isSilenced: true }, "planned"],
  [{ isSilenced: true, event: "up" }, "queued"],
] as const)("what is due and %j becomes %s", (changes, state) => {
  expect(decideDue([aDelivery("a", changes)], now)).toMatchObject([{ id: "a", state }]);
});

test("several of one event for one channel are one message that names them all", () => {
  const decided = decideDue([aDelivery("b"), aDelivery("a", { dueAt: now - 1 }), aDelivery("c")], now);
  expect(decided).toMatchObject([
    { id: "a", state: "queued", content: { id: "a", title: "DOWN: 3 monitors (a, b, c)" } },
    { id: "b", state: "merged", into: "a" },
    { id: "c", state: "merged", into: "a" },
  ]);
});

test("what is of another event, channel, rule or step stays apart", () => {
  const others = [
    { event: "degraded" },
    { channelId: "chn_2" },
    { ruleId: "rul_2" },
    { step: 1 },
    { repeat: 1 },
  ] as const;
  const all = [aDelivery("a"), ...others.map((changes, n) => aDelivery(`b${n}`, changes))];
  expect(decideDue(all, now).map(({ state }) => state)).toEqual(all.map(() => "queued"));
});

test("services that keep an alert per incident get a message for each", () => {
  const decided = decideDue(
    [aDelivery("a", { channelType: "pagerduty" }), aDelivery("b", { channelType: "pagerduty" })],
    now,
  );
  expect(decided.map(({ state }) => state)).toEqual(["queued", "queued"]);
});
