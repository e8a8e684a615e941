import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Clock } from "../../../shared/clock.ts";
import { isoTime } from "../../../shared/clock.ts";
import type { Quorum } from "../../../shared/monitor.ts";
import { quorumRule, readQuorum } from "../../../shared/monitor.ts";
import type { Outline } from "../../replay/compare.ts";
import type { RejudgeDeps } from "../../replay/rejudge.ts";
import { rejudge, TooMuch } from "../../replay/rejudge.ts";
import type { MonitorStore } from "../../store/monitors.ts";
import type { OutlineRow, ReplayRow } from "../api-types.ts";
import { notFound, Problem } from "../problem.ts";
import { instant, validate } from "../validate.ts";

const DAY_MS = 86_400_000;

const replayQuery = z
  .strictObject({
    from: instant.optional(),
    to: instant.optional(),
    quorum: z
      .string()
      .refine((text) => readQuorum(text) !== null, { message: quorumRule })
      .transform((text) => readQuorum(text) as Quorum)
      .optional(),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from < to, {
    path: ["to"],
    message: "must be after from",
  });

/**
 * `/v1/monitors/:id/replay`: its stored results judged again, maybe by another quorum, beside the
 * incidents there were; of the last 24 hours unless told otherwise.
 */
export function replayRoutes(
  app: FastifyInstance,
  deps: RejudgeDeps & { readonly monitors: MonitorStore; readonly clock: Clock },
): void {
  app.get<{ Params: { id: string } }>("/v1/monitors/:id/replay", async ({ params, query }): Promise<ReplayRow> => {
    const { from, to, quorum } = validate(replayQuery, query);
    const monitor = await deps.monitors.get(params.id);
    if (!monitor) throw notFound("monitor", params.id);
    const now = Math.floor(deps.clock.now());
    const begin = from ?? (to ?? now) - DAY_MS;
    const window = { from: Math.max(begin, monitor.createdAt), to: Math.min(to ?? now, now) };
    const { difference, isFaithful, results } = await rejudge(deps, monitor, {
      ...window,
      quorum: quorum ?? null,
      now,
    }).catch((thrown) => {
      if (!(thrown instanceof TooMuch)) throw thrown;
      throw new Problem(422, `${thrown.message}: ask for a shorter one.`, [{ field: "from", rule: thrown.message }]);
    });
    return {
      monitorId: monitor.id,
      from: isoTime(window.from),
      to: isoTime(window.to),
      quorum: quorum ?? null,
      results,
      faithful: isFaithful,
      same: difference.same.map(present),
      changed: difference.changed.map(({ live, replayed }) => ({ live: present(live), replayed: present(replayed) })),
      onlyLive: difference.onlyLive.map(present),
      onlyReplayed: difference.onlyReplayed.map(present),
    };
  });
}

function present({ startedAt, recoveredAt, resolvedAt, level, kind, regions }: Outline): OutlineRow {
  const timeOf = (ms: number | null) => (ms === null ? null : isoTime(ms));
  return {
    level,
    kind,
    regions,
    startedAt: isoTime(startedAt),
    recoveredAt: timeOf(recoveredAt),
    resolvedAt: timeOf(resolvedAt),
  };
}
