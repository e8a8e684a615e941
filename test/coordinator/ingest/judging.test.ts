import { afterAll, beforeAll, expect, test } from "vitest";
import { createJudging } from "../../../coordinator/ingest/judging.ts";
import { createMetrics } from "../../../coordinator/metrics.ts";
import { createMonitorStore } from "../../../coordinator/store/monitors.ts";
import { createVerdictStore, type RegionResult } from "../../../coordinator/store/verdicts.ts";
import { newId } from "../../../shared/id.ts";
import { createLogger } from "../../../shared/logger.ts";
import { monitorDocument } from "../../../shared/monitor.ts";
import { testBox } from "../../support/secrets.ts";
import { testStores } from "../../support/stores.ts";

const regions = ["a", "b", "c"];
const document = { name: "Shop", type: "tcp", regions, interval: "5m", tcp: { host: "127.0.0.1", port: 9 } };

let stores: Awaited<ReturnType<typeof testStores>>;
beforeAll(async () => {
  stores = await testStores();
});
afterAll(() => stores?.stop());

test("evidence is the result that a region's vote is of, and not what came of the region since", async () => {
  const { postgres } = stores;
  const { id } = await createMonitorStore(postgres, testBox).create(newId("mon"), monitorDocument.parse(document));
  let now = Math.ceil(Date.now()) + 1_000;
  const asked: number[] = [];
  const judging = createJudging({
    verdicts: createVerdictStore(postgres),
    circumstancesOf: () => ({
      regions,
      impaired: [],
      newcomers: {},
      votingSince: 0,
      suspects: [],
      isAbsent: () => false,
      maintenance: false,
    }),
    onConfirm: (_id, _regions, at) => void asked.push(at),
    metrics: createMetrics(),
    clock: { now: () => now, monotonic: () => now },
    logger: createLogger({ level: "silent", name: "test" }),
  });
  const result = (region: string, status: "up" | "down", scheduledAt: number, receivedAt: number): RegionResult => ({
    monitorId: id,
    region,
    status,
    scheduledAt,
    attempt: scheduledAt === asked[0] ? 7 : 0,
    checkedAt: receivedAt - 1,
    receivedAt,
    latencyMs: receivedAt - scheduledAt,
    statusCode: null,
    address: "127.0.0.1",
    phase: status === "up" ? null : "connectMs",
    error: status === "up" ? null : { code: "connect_refused", message: "refused" },
    certificate: null,
    certificateExpiresAt: null,
  });

  await judging.apply(regions.map((region) => result(region, "up", now - 20, now)));
  now += 1_000;
  await judging.apply([result("a", "down", now - 10, now)]);
  const [at = 0] = asked;
  // The third region's answer is taken in with those that make the quorum, and came after them.
  now = at + 50;
  await judging.apply([
    result("a", "down", at, at + 10),
    result("b", "down", at, at + 10),
    result("c", "down", at, at + 20),
  ]);

  const told = await postgres.query("SELECT content->'incident'->'evidence' AS evidence FROM notices ORDER BY at");
  const refused = { code: "connect_refused", message: "refused" };
  expect(told.rows).toMatchObject([
    {
      evidence: [
        { region: "a", status: "down", latencyMs: 10, phase: "connectMs", error: refused, checkedAt: at + 9 },
        { region: "b", status: "down", latencyMs: 10, phase: "connectMs", error: refused, checkedAt: at + 9 },
        { region: "c", status: "up", latencyMs: 20, phase: null, error: null },
      ],
    },
  ]);
  const { rows } = await postgres.query("SELECT evidence FROM incidents");
  expect(rows).toMatchObject([{ evidence: [{}, {}, { region: "c", status: "down", error: refused }] }]);
});
