import { expect, test } from "vitest";
import type { Incident } from "../../../coordinator/incidents/incident.ts";
import type { Told } from "../../../coordinator/notify/compose.ts";
import { compose, remind } from "../../../coordinator/notify/compose.ts";
import { group } from "../../../coordinator/notify/group.ts";
import type { Notice } from "../../../coordinator/notify/notice.ts";

const at = Date.UTC(2026, 0, 31, 12, 0, 5);

const seen = (region: string, code: string | null) => ({
  region,
  status: code === null ? ("up" as const) : ("down" as const),
  since: at,
  checkedAt: at,
  latencyMs: 12.5,
  statusCode: null,
  address: "203.0.113.7",
  phase: code === null ? null : "connectMs",
  error: code === null ? null : { code, message: `it was ${code}` },
  certificate: null,
  backSince: null,
});

const incident = (n: number): Incident => ({
  id: `inc_${n}`,
  monitorId: `mon_${n}`,
  region: null,
  kind: "global",
  level: "down",
  startedAt: at - 4_000,
  detectedAt: at - 3_000,
  confirmedAt: at - 2_000,
  recoveredAt: null,
  resolvedAt: null,
  resolution: null,
  acknowledgedAt: null,
  acknowledgedBy: null,
  reopened: 0,
  failedAgainAt: null,
  wellMs: 0,
  notices: 1,
  evidence: [seen("eu-west", "connect_refused"), seen("us-east", "connect_refused"), seen("ap-south", "timeout")],
});

const notice = (n: number, changes: Partial<Told> = {}): Notice =>
  compose(
    {
      id: `ntc_${n}`,
      event: "down",
      at,
      monitor: {
        id: `mon_${n}`,
        name: `Shop ${n}`,
        type: "http",
        target: `https://shop.example/${n}`,
        verdict: "down",
      },
      region: null,
      incident: incident(n),
      trouble: null,
      ...changes,
    },
    "https://watch.example/",
  );

const several = (count: number, changes: Partial<Told> = {}) => {
  const [first, ...others] = Array.from({ length: count }, (_, n) => notice(n, changes));
  return group([first as Notice, ...others]);
};

test("one is told as it is, with every region's evidence and times that people read", () => {
  expect(several(1)).toEqual(notice(0));
  expect(notice(0).lines).toEqual([
    "http https://shop.example/0",
    "Since 2026-01-31 12:00:01 UTC",
    "eu-west: down, connect_refused: it was connect_refused (connect, 203.0.113.7)",
    "us-east: down, connect_refused: it was connect_refused (connect, 203.0.113.7)",
    "ap-south: down, timeout: it was timeout (connect, 203.0.113.7)",
  ]);
});

test("a few are told in full", () => {
  const { title, lines, keys } = several(2);
  expect(title).toBe("DOWN: 2 monitors (Shop 0, Shop 1)");
  expect(lines).toHaveLength(12);
  expect(lines.slice(5, 8)).toEqual([
    "- ap-south: down, timeout: it was timeout (connect, 203.0.113.7)",
    "DOWN: Shop 1",
    "- http https://shop.example/1",
  ]);
  expect(keys).toEqual(["inc_0", "inc_1"]);
});

test("of many each is one line, and the title names a few", () => {
  const { title, lines, monitors, url } = several(50);
  expect(title).toBe("DOWN: 50 monitors (Shop 0, Shop 1, Shop 2 and 47 more)");
  expect(lines).toHaveLength(50);
  expect(lines[7]).toBe(
    "Shop 7: http https://shop.example/7; connect_refused in eu-west, us-east; timeout in ap-south",
  );
  expect(monitors).toHaveLength(50);
  expect(url).toBe("https://watch.example/#/incidents");
});

test("of many that are over, each says how long it lasted", () => {
  const over = { event: "up", incident: { ...incident(1), recoveredAt: at + 200_000 } } as const;
  expect(several(4, over).lines[3]).toBe("UP: Shop 3 (after 3 min 24 s)");
});

test("of many certificates, each says when it expires", () => {
  const lines = ["The certificate expires on 2026-02-07 10:00 UTC"];
  const many = several(4, { event: "certificate_expiring", incident: null, lines });
  expect(many.lines[2]).toBe("Shop 2: http https://shop.example/2; The certificate expires on 2026-02-07 10:00 UTC");
  expect(many.url).toBe("https://watch.example/#/");
});

test("reminders stay reminders", () => {
  const second = { channelId: "chn_1", ruleId: "rul_1", step: 0, repeat: 2, dueAt: at };
  const reminded = (each: Notice) => remind(each, { ...second, id: `${each.id}-r2` }, true);
  const again = [reminded(notice(0)), reminded(notice(1))] as const;
  expect(group(again)).toMatchObject({ title: "STILL DOWN: 2 monitors (Shop 0, Shop 1)", repeat: 2 });
});

test("only what one ends has the key of the other", () => {
  const alone = (event: Told["event"]) => notice(1, { id: `ntc-${event}`, event, incident: null }).key;
  expect(alone("no_data")).toBe("mon_1");
  expect(alone("up")).toBe("mon_1");
  expect(alone("data_back")).toBe("mon_1");
  expect(alone("certificate_expiring")).toBe("ntc-certificate_expiring");
  expect(alone("flapping")).toBe("ntc-flapping");
  expect(notice(1, { id: "dlv_7", event: "test", monitor: null, incident: null }).key).toBe("dlv_7");
  expect(notice(1, { event: "up" }).key).toBe("inc_1");
});
