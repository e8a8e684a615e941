import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import { slotAt } from "../schedule/slot.ts";
import type { Lease, Move, ShardStore } from "../store/shards.ts";
import type { Progress } from "./progress.ts";
import { createProgress } from "./progress.ts";

/** How long a shard is held without renewal, in ms: a coordinator that is killed gives up its shards after that. */
const LEASE_MS = 3_500;
/** How often leases are renewed and watermarks written, in ms. */
const RENEW_EVERY_MS = 1_000;
/** Whoever takes over a shard begins at most this far back, in ms; what lies further back is a gap. */
const TAKE_OVER_MS = 6_000;

/** The shards that this coordinator dispatches, by number. */
export interface Leases extends Part {
  readonly held: ReadonlyMap<number, Progress>;
}

interface Held extends Progress {
  /** The watermark as PostgreSQL has it. */
  written: number | null;
  gap?: { readonly from: number; readonly to: number } | undefined;
}

/**
 * Shares the shards with other coordinators by leases in PostgreSQL, and keeps the
 * watermarks there. While PostgreSQL is away nobody can take anything over, so
 * what is held is dispatched on; should it be away for this coordinator alone, the
 * ids of the jobs keep two that push the same from doing harm.
 */
export function createLeases({
  coordinatorId,
  store,
  clock,
  logger,
}: {
  readonly coordinatorId: string;
  readonly store: ShardStore;
  readonly clock: Clock;
  readonly logger: Logger;
}): Leases {
  const held = new Map<number, Held>();
  let timer: NodeJS.Timeout | undefined;
  let working: Promise<void> | undefined;

  function take({ shard, watermark }: Lease): void {
    const now = slotAt(clock.now());
    const earliest = slotAt(clock.now() - TAKE_OVER_MS);
    const first = watermark === null ? now + 1 : Math.max(watermark + 1, earliest);
    const gap = watermark !== null && first > watermark + 1 ? { from: watermark + 1, to: first - 1 } : undefined;
    held.set(shard, Object.assign(createProgress(first), { written: watermark, gap }));
  }

  async function renew(): Promise<void> {
    const leases = await store.lease(coordinatorId, LEASE_MS);
    const mine = new Set(leases.map(({ shard }) => shard));
    const lost = [...held.keys()].filter((shard) => !mine.has(shard));
    const taken = leases.filter(({ shard }) => !held.has(shard));
    for (const shard of lost) held.delete(shard);
    for (const lease of taken) take(lease);
    if (lost.length + taken.length > 0) {
      logger.info({ shards: held.size, taken: taken.length, lost: lost.length }, "Shards were shared out anew");
    }
  }

  async function writeWatermarks(): Promise<void> {
    const moves = [...held]
      .map(
        ([shard, { written, watermark, gap }]): Move => ({ shard, from: written, to: watermark, ...(gap && { gap }) }),
      )
      .filter(({ from, to }) => from === null || to > from);
    if (moves.length === 0) return;
    const moved = new Set(await store.advance(coordinatorId, moves));
    for (const { shard, to } of moves) {
      const progress = held.get(shard);
      if (!moved.has(shard)) held.delete(shard);
      else if (progress) Object.assign(progress, { written: to, gap: undefined });
    }
  }

  async function tend(): Promise<void> {
    await writeWatermarks();
    await renew();
  }

  return {
    held,
    async start() {
      await renew();
      timer = setInterval(() => {
        working ??= tend()
          .catch((thrown) => logger.warn({ reason: errorText(thrown) }, "Shard leases could not be renewed"))
          .finally(() => {
            working = undefined;
          });
      }, RENEW_EVERY_MS);
    },
    async stop() {
      clearInterval(timer);
      await working;
      await writeWatermarks();
      await store.release(coordinatorId);
    },
  };
}
