import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Benchmark, Figures } from "./benchmark.ts";
import { lineResultsSql, startLine } from "./line.ts";
import { createScope } from "./scope.ts";
import { startStores } from "./stores.ts";
import { startTarget } from "./target.ts";
import { watchFor } from "./window.ts";

const RATE = 1_000;
const SECONDS = 10;
/** Left out of every window, in ms: programs that just started compile, many new monitors leave a backlog. */
const WARM_UP_MS = 3_000;
/** Each way is measured twice and in this order, so that what drifts meets both alike. */
const ORDER = ["direct", "tunnel", "tunnel", "direct"] as const;

type Way = (typeof ORDER)[number];

export const tunnel: Benchmark = {
  about: "CPU per stored check when the agent reaches Redis through the coordinator, beside directly",
  async run({ scope, dir, profileDir, scale, note, ...setting }) {
    const seconds = setting.seconds ?? SECONDS;
    const rate = Math.max(1, Math.round(RATE * scale));
    const target = await startTarget(scope, dir);

    /** From empty stores, each time. */
    async function measure(way: Way): Promise<Figures> {
      const ownDir = await mkdtemp(join(dir, `${way}-`));
      const own = createScope(note);
      scope.add({ stop: own.close });
      const stores = await startStores(own, ownDir);
      const place = { stores, targetUrl: target.url, dir: ownDir, profileDir };
      const line = await startLine(own, { ...place, enrolled: way });
      await line.watch(rate);
      await sleep(Math.min(WARM_UP_MS, seconds * 1_000));
      const { figures, programs } = await watchFor(seconds, {
        stores,
        targetPid: target.pid,
        programs: { coordinator: line.coordinatorPid, agent: line.agentPid },
        resultsSql: lineResultsSql,
        scheduledPerSecond: rate,
      });
      const { checksPerSecond, coverage, cpuUsPerCheck } = figures;
      note(
        `${way}: ${checksPerSecond.toFixed(0)} stored/s, coverage ${(coverage * 100).toFixed(1)} %, ` +
          `${cpuUsPerCheck.toFixed(0)} µs/check, of it coordinator ${programs.coordinator?.toFixed(0)} and agent ${programs.agent?.toFixed(0)}`,
      );
      await own.close();
      return {
        ...figures,
        cpuUsPerCheckAgent: programs.agent as number,
        cpuUsPerCheckCoordinator: programs.coordinator as number,
      };
    }

    const seen: Record<Way, Figures[]> = { direct: [], tunnel: [] };
    // The shortest run looks at each way once.
    for (const way of seconds > 1 ? ORDER : ORDER.slice(0, 2)) seen[way].push(await measure(way));
    return { figures: meanOf(seen.tunnel), baselines: { direct: meanOf(seen.direct) } };
  },
};

function meanOf(all: readonly Figures[]): Figures {
  const names = Object.keys(all[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [name, all.reduce((sum, figures) => sum + (figures[name] as number), 0) / all.length]),
  );
}
