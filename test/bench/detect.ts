import { setTimeout as sleep } from "node:timers/promises";
import { listenForChanges } from "../../coordinator/store/changes.ts";
import { createLogger } from "../../shared/logger.ts";
import { until } from "../support/until.ts";
import { intervalOnlyMs } from "./baseline/interval-only.ts";
import type { Benchmark, Figures } from "./benchmark.ts";
import type { Failure } from "./failing-target-program.ts";
import { sideBySide, startLine } from "./line.ts";
import { startProgram } from "./program.ts";
import { spreadOf } from "./statistics.ts";
import { startStores } from "./stores.ts";
import type { Upcoming } from "./upcoming.ts";
import { upcomingOf } from "./upcoming.ts";

const REGIONS = ["eu-west", "sa-east", "us-east"];
const INTERVAL_MS = 300_000;
const TIMEOUT_MS = 1_000;
const OUTAGES = 48;
const SECONDS = 50;
/** How long before a check its target begins to fail, in ms. */
const LEAD_MS = 300;
/** From the start on nothing fails for this long, in ms: programs that just started compile. */
const WARM_UP_MS = 5_000;
const PATIENCE_MS = 15_000;

interface Outage extends Upcoming {
  readonly how: Failure["how"];
}

export const detect: Benchmark = {
  about:
    "from a first failing check to the confirmed verdict, three regions, every 5 minutes, beside scheduled checks alone",
  async run({ scope, dir, profileDir, scale, note, ...setting }) {
    const wanted = Math.max(2, Math.round(OUTAGES * scale));
    const windowMs = (setting.seconds ?? SECONDS) * 1_000;
    // Each is checked somewhere three times an interval, and fails once.
    const monitors = Math.min(1_000, Math.ceil((wanted * INTERVAL_MS) / REGIONS.length / windowMs) + 2);
    const stores = await startStores(scope, dir);
    const target = scope.add(
      startProgram(new URL("./failing-target-program", import.meta.url), { logFile: `${dir}/target.log` }),
    );
    const { port } = await target.message<{ port: number }>();
    const targetUrl = `http://127.0.0.1:${port}/`;
    const line = await startLine(scope, { stores, targetUrl, dir, profileDir, regions: REGIONS });

    const ids: string[] = [];
    await sideBySide(
      Array.from({ length: monitors }, (_, n) => n),
      async (n) => {
        const { id } = await line.call("POST", "/v1/monitors", {
          name: `Bench ${n}`,
          type: "http",
          interval: INTERVAL_MS / 1_000,
          timeout: TIMEOUT_MS / 1_000,
          regions: REGIONS,
          http: { url: `${targetUrl}${n}` },
          assertions: [{ source: "status", op: "eq", value: 200 }],
        });
        ids[n] = id;
      },
    );
    await until(
      () => verdictsOf("up"),
      (up) => up.size === monitors,
      { withinMs: 30_000, everyMs: 500 },
    );

    const downAt = new Map<string, number>();
    const changes = listenForChanges(
      stores.postgres.url,
      { on: { watchpost_live: (payload) => void look(payload) }, onGap: () => undefined },
      createLogger({ level: "warn", name: "bench" }),
    );
    await changes.start();
    scope.add(changes);

    /** By the instant after the reading: the verdict has been there for everyone to see since then at the latest. */
    async function look(payload: string): Promise<void> {
      const [what, id = ""] = payload.split(" ");
      if (what !== "status" || downAt.has(id)) return;
      const { status } = await line.call("GET", `/v1/monitors/${id}`);
      if (status.verdict === "down" && !downAt.has(id)) downAt.set(id, Date.now());
    }

    async function verdictsOf(verdict: string): Promise<Set<string>> {
      const { data } = await line.call("GET", "/v1/monitors?limit=1000");
      return new Set(data.filter(({ status }: any) => status.verdict === verdict).map(({ id }: any) => id));
    }

    const outages = soonest(ids, Date.now() + WARM_UP_MS).slice(0, wanted);
    note(`${outages.length} outages of ${monitors} monitors`);
    for (const { id, scheduledAt, how } of outages) {
      await sleep(Math.max(0, scheduledAt - LEAD_MS - Date.now()));
      target.send({ path: `/${ids.indexOf(id)}`, how } satisfies Failure);
    }
    await until(
      () => outages.filter(({ id }) => !downAt.has(id)),
      (missing) => missing.length === 0,
      { withinMs: PATIENCE_MS },
    );

    const { data: incidents } = await line.call("GET", "/v1/incidents?limit=1000");
    const seen = outages.map((outage) => {
      const incident = incidents.find(({ monitorId }: any) => monitorId === outage.id);
      const endedAt = Date.parse(incident.startedAt);
      return {
        how: outage.how,
        verdictMs: (downAt.get(outage.id) as number) - endedAt,
        confirmedMs: Date.parse(incident.confirmedAt) - endedAt,
        intervalOnlyMs: intervalOnlyMs(outage, endedAt, REGIONS),
        witnesses: incident.regions.length,
      };
    });
    const of = (how: Failure["how"]) => seen.filter((one) => one.how === how);
    const baseline = (how: Failure["how"]) => of(how).map((one) => one.intervalOnlyMs);
    return {
      figures: {
        outages: seen.length,
        witnessesMin: Math.min(...seen.map(({ witnesses }) => witnesses)),
        ...named(
          "verdict",
          of("refuses").map(({ verdictMs }) => verdictMs),
        ),
        ...named(
          "confirmed",
          of("refuses").map(({ confirmedMs }) => confirmedMs),
        ),
        ...named(
          "hungVerdict",
          of("hangs").map(({ verdictMs }) => verdictMs - TIMEOUT_MS),
        ),
      },
      baselines: {
        intervalOnly: { ...named("verdict", baseline("refuses")), ...named("hungVerdict", baseline("hangs")) },
      },
    };
  },
};

/** The next check of each monitor, the soonest first; every third hangs instead of answering with an error. */
function soonest(ids: readonly string[], after: number): Outage[] {
  return ids
    .flatMap((id) => {
      const timing = { id, intervalMs: INTERVAL_MS, stagger: true };
      const next = REGIONS.map((region) => upcomingOf(timing, region, REGIONS, after));
      return next.sort((a, b) => a.scheduledAt - b.scheduledAt).slice(0, 1);
    })
    .sort((a, b) => a.scheduledAt - b.scheduledAt)
    .map((check, n) => ({ ...check, how: n % 3 === 1 ? "hangs" : "refuses" }));
}

function named(what: string, values: readonly number[]): Figures {
  const { p50, p99, max } = spreadOf(values);
  return { [`${what}P50Ms`]: p50, [`${what}P99Ms`]: p99, [`${what}MaxMs`]: max };
}
