import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Traits } from "../../../coordinator/chooses.ts";
import type { Notice, NoticeIncident } from "../../../coordinator/notify/notice.ts";
import type { Hearer } from "../../../coordinator/notify/plan.ts";
import { plan, remindAgain } from "../../../coordinator/notify/plan.ts";
import type { AlertRule } from "../../../coordinator/notify/rule.ts";
import { alertRuleDocument, toRuleDocument } from "../../../coordinator/notify/rule.ts";

const chn = (n: number) => `chn_${String(n).padStart(20, "0")}`;
const mon = (n: number) => `mon_${String(n).padStart(20, "0")}`;
const at = Date.parse("2026-11-23T12:00:00Z");
const marks: Traits = { id: mon(1), type: "http", tags: ["prod", "shop"] };

function aRule(changes: object = {}, id = "rul_a"): AlertRule {
  const spec = alertRuleDocument.parse({ name: "all", group: 0, steps: [{ channels: [chn(1)] }], ...changes });
  return { ...spec, id };
}

function aNotice(changes: Partial<Notice> = {}): Notice {
  return {
    id: "inc_1-1",
    event: "down",
    severity: "critical",
    at,
    title: "DOWN: Shop",
    lines: [],
    repeat: 0,
    key: "inc_1",
    monitors: [],
    incident: {
      id: "inc_1",
      kind: "global",
      startedAt: at,
      detectedAt: at,
      confirmedAt: at,
      recoveredAt: null,
      durationMs: null,
    },
    trouble: null,
    evidence: [],
    url: null,
    ...changes,
  };
}

const due = (notice: Notice, rules: AlertRule[], hearers: Hearer[] = [], about: Traits | null = marks) =>
  plan(notice, about, rules, hearers).map(({ channelId, step, dueAt }) => [channelId, step, dueAt - at]);

describe("whom a rule is about", () => {
  test.each([
    [{}, true],
    [{ monitors: [mon(1)] }, true],
    [{ monitors: [mon(2)] }, false],
    [{ tags: ["shop"] }, true],
    [{ tags: ["test"] }, false],
    [{ types: ["tcp"] }, false],
    [{ types: ["http"], monitors: [mon(2)] }, true],
    [{ events: ["up"] }, false],
    [{ enabled: false }, false],
  ])("%j tells: %s", (changes, tells) => {
    expect(due(aNotice(), [aRule(changes)]).length > 0).toBe(tells);
  });

  test("what is about a region is told by rules for all, and by no rule for some", () => {
    const notice = aNotice({ event: "region_impaired", severity: "warning" });
    expect(due(notice, [aRule({ events: ["region_impaired"] })], [], null)).toHaveLength(1);
    expect(due(notice, [aRule({ events: ["region_impaired"], tags: ["shop"] })], [], null)).toEqual([]);
  });
});

describe("when", () => {
  test("after the delay, the time for company, and each step's own", () => {
    const rule = aRule({
      delay: "1m",
      group: "5s",
      steps: [{ channels: [chn(1)] }, { after: "15m", channels: [chn(2), chn(3)] }],
    });
    expect(due(aNotice(), [rule])).toEqual([
      [chn(1), 0, 65_000],
      [chn(2), 1, 965_000],
      [chn(3), 1, 965_000],
    ]);
  });

  test("what does not last is told by the first step, without delay", () => {
    const rule = aRule({
      events: ["flapping"],
      delay: "1m",
      steps: [{ channels: [chn(1)] }, { after: "15m", channels: [chn(2)] }],
    });
    expect(due(aNotice({ event: "flapping", severity: "warning" }), [rule])).toEqual([[chn(1), 0, 0]]);
  });

  test("in quiet hours only what is urgent, the rest at their end", () => {
    const quietHours = { timeZone: "UTC", from: "11:00", to: "13:30" };
    const rule = aRule({ events: ["down", "degraded"], quietHours });
    expect(due(aNotice(), [rule])).toEqual([[chn(1), 0, 0]]);
    expect(due(aNotice({ event: "degraded", severity: "warning" }), [rule])).toEqual([[chn(1), 0, 5_400_000]]);
  });

  test("a channel that two rules name is told once, at the earlier time", () => {
    const rules = [aRule({ delay: "5m" }, "rul_a"), aRule({ delay: "1m" }, "rul_b")];
    expect(due(aNotice(), rules)).toEqual([[chn(1), 0, 60_000]]);
  });
});

test("a channel that two rules name is reminded by the one that reminds", () => {
  const rules = [aRule({}, "rul_a"), aRule({ delay: "1m", repeat: "5m" }, "rul_b")];
  expect(plan(aNotice(), marks, rules, [])).toMatchObject([{ channelId: chn(1), ruleId: "rul_b", dueAt: at }]);
});

describe("the end", () => {
  const ended = aNotice({ id: "inc_1-2", event: "up", severity: "ok" });
  const heard = [{ channelId: chn(2), ruleId: "rul_a" }];

  test("is told to those who heard of the beginning, and to no one else", () => {
    expect(due(ended, [aRule()], heard)).toEqual([[chn(2), 0, 0]]);
    expect(due(ended, [aRule()], [])).toEqual([]);
    expect(due(ended, [aRule({}, "rul_other")], heard)).toEqual([[chn(2), 0, 0]]);
    expect(due(ended, [aRule({ events: ["down"] })], heard)).toEqual([]);
  });

  test("of a silence, which is no incident, is told by rules that tell of silences", () => {
    const back = aNotice({ id: "mon_1-up-1", event: "up", severity: "ok", incident: null });
    expect(due(back, [aRule({ events: ["down", "up"] })], heard)).toEqual([]);
    expect(due(back, [aRule({ events: ["no_data", "up"] })], heard)).toEqual([[chn(2), 0, 0]]);
    expect(due(back, [aRule({ events: ["no_data", "up"] })], [])).toEqual([]);
  });

  test("of a silence after which it is down is told as that of any", () => {
    const back = aNotice({ id: "mon_1-data_back-1", event: "data_back", severity: "ok", incident: null });
    expect(due(back, [aRule({ events: ["no_data", "up"], delay: "1h" })], heard)).toEqual([[chn(2), 0, 0]]);
    expect(due(back, [aRule({ events: ["no_data", "up"] })], [])).toEqual([]);
    expect(due(back, [], heard)).toEqual([[chn(2), 0, 0]]);
    for (const events of [["no_data"], ["no_data", "down"], ["down", "up"]])
      expect(due(back, [aRule({ events })], heard)).toEqual([]);
  });

  test("is told to who heard, though their rule was switched off, is for others now, or is gone", () => {
    for (const rules of [[aRule({ enabled: false })], [aRule({ tags: ["other"] })], []])
      expect(due(ended, rules, heard)).toEqual([[chn(2), 0, 0]]);
  });

  test("is told where one of the rules that name the channel tells of ends, whichever told of the beginning", () => {
    const silent = aRule({ events: ["down"], steps: [{ channels: [chn(2)] }] });
    const telling = aRule({ steps: [{ channels: [chn(2)] }] }, "rul_b");
    expect(due(ended, [silent, telling], heard)).toEqual([[chn(2), 0, 0]]);
  });

  test("is told in quiet hours to those who were told then", () => {
    const quietHours = { timeZone: "UTC", from: "11:00", to: "13:30" };
    expect(due(ended, [aRule({ quietHours, urgent: [] })], heard)).toEqual([[chn(2), 0, 0]]);
  });
});

describe("that something is not watched any more", () => {
  const closed = aNotice({ id: "inc_1-2", event: "closed", severity: "ok" });
  const heard = [{ channelId: chn(2), ruleId: "rul_a" }];

  test("is told to those who heard of its trouble and would hear of its end, and to no one else", () => {
    expect(due(closed, [aRule()], heard)).toEqual([[chn(2), 0, 0]]);
    expect(due(closed, [aRule()], [])).toEqual([]);
    expect(due(closed, [], heard)).toEqual([[chn(2), 0, 0]]);
    expect(due(closed, [aRule({ events: ["down"] })], heard)).toEqual([]);
  });

  test("is told of a silence, and of a region, by the rules that tell of their end", () => {
    const silence = aNotice({ id: "mon_1-closed-1", event: "closed", severity: "ok", incident: null });
    expect(due(silence, [aRule({ events: ["down", "up"] })], heard)).toEqual([]);
    expect(due(silence, [aRule({ events: ["no_data", "up"] })], heard)).toEqual([[chn(2), 0, 0]]);
    const region = aNotice({ ...closed, incident: { ...(closed.incident as NoticeIncident), kind: "vantage" } });
    expect(due(region, [aRule({ events: ["region_impaired", "up"] })], heard, null)).toEqual([]);
    expect(due(region, [aRule({ events: ["region_impaired", "region_recovered"] })], heard, null)).toHaveLength(1);
  });
});

describe("again", () => {
  const told = { id: "inc_1-1-chn", channelId: chn(1), ruleId: "rul_a", step: 0, repeat: 0 };

  test("after the rule's time, each time under an id of its own", () => {
    const rule = aRule({ repeat: "30m" });
    const first = remindAgain(told, rule, aNotice(), at, true);
    expect(first).toMatchObject({ id: "inc_1-1-chn-r1", repeat: 1, dueAt: at + 1_800_000 });
    const second = first && remindAgain(first, rule, aNotice(), at, true);
    expect(second).toMatchObject({ id: "inc_1-1-chn-r2", repeat: 2 });
  });

  test("not where the rule wants none, is off or gone, nor of what is over", () => {
    expect(remindAgain(told, aRule(), aNotice(), at, true)).toBeNull();
    expect(remindAgain(told, aRule({ repeat: "30m", enabled: false }), aNotice(), at, true)).toBeNull();
    expect(remindAgain(told, undefined, aNotice(), at, true)).toBeNull();
    expect(remindAgain(told, aRule({ repeat: "30m" }), aNotice({ event: "up", severity: "ok" }), at, true)).toBeNull();
  });

  test("soon where nobody knows whether it arrived, then more seldom, whatever the rule says", () => {
    const pauses = (rule: AlertRule) =>
      [0, 1, 2, 3, 6, 60].map(
        (repeat) => (remindAgain({ ...told, repeat }, rule, aNotice(), at, false)?.dueAt ?? at) - at,
      );
    expect(pauses(aRule())).toEqual([60_000, 120_000, 240_000, 480_000, 3_600_000, 3_600_000]);
    expect(pauses(aRule({ repeat: "5m" }))).toEqual([60_000, 120_000, 240_000, 300_000, 300_000, 300_000]);
    expect(remindAgain(told, aRule(), aNotice({ event: "up", severity: "ok" }), at, false)).toBeNull();
    expect(remindAgain(told, aRule({ enabled: false }), aNotice(), at, false)).toBeNull();
  });
});

test("planning the same twice gives the same ids, one per channel", () => {
  const rules = fc.array(
    fc.record({
      delay: fc.integer({ min: 0, max: 600 }),
      steps: fc.constantFrom(
        [{ channels: [chn(1)] }],
        [{ channels: [chn(1), chn(2)] }, { after: 60, channels: [chn(2), chn(3)] }],
      ),
    }),
    { maxLength: 5 },
  );
  fc.assert(
    fc.property(rules, (changes) => {
      const known = changes.map((change, n) => aRule(change, `rul_${n}`));
      const planned = plan(aNotice(), marks, known, []);
      expect(
        plan(aNotice(), marks, [...known].reverse(), [])
          .map(({ id, dueAt }) => [id, dueAt])
          .sort(),
      ).toEqual(planned.map(({ id, dueAt }) => [id, dueAt]).sort());
      expect(new Set(planned.map(({ channelId }) => channelId)).size).toBe(planned.length);
    }),
  );
});

test("a rule's document comes back as it can be sent again", () => {
  const spec = alertRuleDocument.parse({
    name: "Night",
    delay: "90s",
    repeat: "30m",
    quietHours: { timeZone: "Europe/Berlin", from: "22:00", to: "07:00" },
    steps: [{ channels: [chn(1)] }, { after: "10m", channels: [chn(2)] }],
  });
  expect(alertRuleDocument.parse(toRuleDocument(spec))).toEqual(spec);
});
