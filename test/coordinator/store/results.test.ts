import { afterAll, beforeAll, expect, test } from "vitest";
import type { ResultStore, StoredResult } from "../../../coordinator/store/results.ts";
import { createResultStore } from "../../../coordinator/store/results.ts";
import type { WindowPart } from "../../../coordinator/store/windows.ts";
import { partsOf } from "../../../coordinator/store/windows.ts";
import { newId } from "../../../shared/id.ts";
import { aResult } from "../../support/hand-agent.ts";
import { testStores } from "../../support/stores.ts";

const DAY = 86_400_000;
const KEPT_FOR = { results: 90 * DAY, minutes: 120 * DAY, hours: 800 * DAY };
const START = (Math.floor(Date.now() / DAY) - 5) * DAY;

let stores: Awaited<ReturnType<typeof testStores>>;
let store: ResultStore;
beforeAll(async () => {
  stores = await testStores();
  store = createResultStore(stores.clickhouse);
});
afterAll(() => stores?.stop());

const sums = (from: number, to: number) => partsOf({ from, to }, Number.POSITIVE_INFINITY, KEPT_FOR, Date.now()).parts;

/** One result every half minute from START on. */
const some = (monitorId: string, count: number): StoredResult[] =>
  Array.from({ length: count }, (_, round) => {
    const scheduledAt = START + 1_234 + round * 30_000;
    return {
      ...aResult({ monitorId, round, attempt: 0, scheduledAt } as never),
      region: round % 2 === 0 ? "eu-west" : "us-east",
      agentId: "a",
      receivedAt: scheduledAt + 50,
      latencyMs: 1 + (round % 97),
      status: round % 50 === 7 ? "down" : round % 50 === 9 ? "error" : "up",
    };
  });

test("an insert that is repeated with its token counts once, in the rows and in what they come to", async () => {
  const rows = some("mon_token", 300);
  await store.append(rows, "token-a");
  await store.append(rows, "token-a");
  const [region] = [...(await store.summarize("mon_token", sums(START, START + DAY), null)).values()];
  expect(region?.scheduled).toBe(150);
  expect(await countRows("mon_token")).toBe(300);
});

test("an insert that was lost between the rows and their sums is made up for by its repetition", async () => {
  const rows = some("mon_half", 100);
  const { clickhouse } = stores;
  const [view] = await (
    await clickhouse.query({ query: "SHOW CREATE VIEW results_into_days", format: "JSONEachRow" })
  ).json<{ statement: string }>();
  await clickhouse.command({ query: "DROP VIEW results_into_days" });
  await store.append(rows, "token-half");
  await clickhouse.command({ query: view?.statement ?? "" });
  const part: WindowPart = { table: "results_days", from: START, to: START + DAY };
  const days = () => store.summarize("mon_half", [part], null);
  expect((await days()).size).toBe(0);
  await store.append(rows, "token-half");
  expect((await days()).get("eu-west")?.scheduled).toBe(50);
  expect((await store.summarize("mon_half", sums(START, START + 3_600_000), null)).get("eu-west")?.scheduled).toBe(50);
});

test("what is stored is found, whatever the size of the question", async () => {
  const rows = some("mon_seen", 2_500);
  await store.append(rows.slice(0, 2_400), newId("job"));
  const unstored = await store.unstored([...rows, ...rows.slice(2_400), ...rows], false);
  expect(unstored.map(({ round }) => round)).toEqual(rows.slice(2_400).map(({ round }) => round));
});

test("the oddest numbers that a message may hold are stored, to the microsecond", async () => {
  const [row] = some("mon_odd", 1) as [StoredResult];
  const odd = {
    ...row,
    scheduledAt: row.scheduledAt + 0.75,
    startedAt: row.startedAt + 0.25,
    latencyMs: 86_400_000,
    latenessMs: -59_999.9996,
    phases: { dnsMs: 1e-300, tlsMs: 12.3456789 },
    bodyBytes: 0xffff_ffff,
    attempt: 0xffff_ffff,
    round: Number.MAX_SAFE_INTEGER,
  };
  await store.append([odd], newId("job"));
  const [stored] = await store.list({
    monitorId: "mon_odd",
    region: null,
    from: null,
    to: null,
    after: null,
    limit: 9,
  });
  expect(stored).toEqual({
    ...odd,
    scheduledAt: row.scheduledAt,
    startedAt: row.startedAt,
    latenessMs: -60_000,
    phases: { dnsMs: 0, tlsMs: 12.346 },
  });
});

test("a page is full though many results are stored many times, and pages meet", async () => {
  const rows = some("mon_pages", 60);
  for (let n = 0; n < 4; n++) await store.append(rows, newId("job"));
  const query = { monitorId: "mon_pages", region: null, from: null, to: null, limit: 25 };
  const rounds: number[] = [];
  for (let after: StoredResult | null = null; ; ) {
    const page: StoredResult[] = await store.list({ ...query, after });
    rounds.push(...page.map(({ round }) => round));
    if (page.length < 25) break;
    after = page.at(-1) as StoredResult;
  }
  expect(rounds).toEqual(rows.map(({ round }) => round).reverse());
});

test("an odd monitor id is text in a question, and no more", async () => {
  const [row] = some("mon_'\\); DROP TABLE results; --", 1) as [StoredResult];
  expect(await store.unstored([row], false)).toEqual([row]);
});

const byRegion = (a: { region: string }, b: { region: string }) => (a.region < b.region ? -1 : 1);

test("sums and single results come to the same", async () => {
  const rows = some("mon_sums", 6_000);
  for (let n = 0; n < rows.length; n += 1_500) await store.append(rows.slice(n, n + 1_500), newId("job"));
  for (const [from, to] of [
    [START + 1, START + 3 * DAY],
    [START + 45_678, START + DAY + 7_654_321],
    [START + 61_000, START + 119_000],
  ] as const) {
    const summed = await store.summarize("mon_sums", sums(from, to), null);
    const raw = await store.summarize("mon_sums", [{ table: "results", from, to }], null);
    expect([...summed.keys()].sort()).toEqual([...raw.keys()].sort());
    for (const parts of [sums(from, to), [{ table: "results", from, to } as const]]) {
      const counted = await store.summarize("mon_sums", parts, null, false);
      expect([...counted.values()].sort(byRegion)).toEqual(
        [...raw.values()].map((one) => ({ ...one, latency: null })).sort(byRegion),
      );
    }
    for (const [region, { latency, ...counts }] of raw) {
      const { latency: other, ...otherCounts } = summed.get(region) as typeof counts & { latency: typeof latency };
      expect(otherCounts).toEqual(counts);
      expect(other?.avgMs).toBeCloseTo(latency?.avgMs ?? Number.NaN, 6);
      expect(other?.maxMs).toBe(latency?.maxMs);
      expect(Math.abs((other?.p95Ms ?? 0) - (latency?.p95Ms ?? 0))).toBeLessThan(3);
    }
  }
});

async function countRows(monitorId: string): Promise<number> {
  const answer = await stores.clickhouse.query({
    query: "SELECT toUInt32(count()) AS n FROM results WHERE monitor_id = {monitorId: String}",
    query_params: { monitorId },
    format: "JSONEachRow",
  });
  return (await answer.json<{ n: number }>())[0]?.n ?? -1;
}
