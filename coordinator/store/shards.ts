import type { Postgres, PostgresClient } from "./postgres.ts";
import { inTransaction } from "./postgres.ts";

/** A shard that is leased, and up to which slot it has been dispatched; null when it never was. */
export interface Lease {
  readonly shard: number;
  readonly watermark: number | null;
}

/** Slots of a shard that nobody dispatched: both ends included. */
export interface Gap {
  readonly shard: number;
  readonly from: number;
  readonly to: number;
}

export interface ShardStore {
  /**
   * Says that a coordinator lives, renews its leases, takes free shards up to its
   * fair share and gives back what it has beyond that.
   * @returns all that it holds now.
   */
  lease(coordinator: string, forMs: number): Promise<Lease[]>;
  /**
   * Moves watermarks from where they were believed to be, for shards that are still
   * held; a gap that is jumped over is kept with it.
   * @returns the shards that were moved: the others belong to somebody else.
   */
  advance(coordinator: string, moves: readonly Move[]): Promise<number[]>;
  /** Gives back everything at once, so that others need not wait for the leases to end. */
  release(coordinator: string): Promise<void>;
  /** The gaps that touch a range of slots of a shard. */
  gaps(shard: number, from: number, to: number): Promise<Gap[]>;
}

export interface Move {
  readonly shard: number;
  readonly from: number | null;
  readonly to: number;
  readonly gap?: { readonly from: number; readonly to: number };
}

/** A coordinator that has not been heard of for so long has no share, in ms. */
const GONE_AFTER_MS = 4_000;

export function createShardStore(postgres: Postgres): ShardStore {
  return {
    lease: (coordinator, forMs) =>
      inTransaction(postgres, async (client) => {
        const share = await fairShare(client, coordinator);
        const held = await client.query<Lease>(
          `UPDATE shards SET leased_until = clock_timestamp() + $2 * interval '1 ms'
           WHERE coordinator = $1 RETURNING shard, watermark`,
          [coordinator, forMs],
        );
        const surplus = held.rows.slice(share);
        if (surplus.length > 0) {
          await client.query("UPDATE shards SET coordinator = NULL, leased_until = NULL WHERE shard = ANY($1)", [
            surplus.map(({ shard }) => shard),
          ]);
        }
        const taken = await client.query<Lease>(
          `UPDATE shards SET coordinator = $1, leased_until = clock_timestamp() + $2 * interval '1 ms'
           WHERE shard IN (SELECT shard FROM shards
                           WHERE (coordinator IS NULL OR leased_until < clock_timestamp()) AND coordinator IS DISTINCT FROM $1
                           ORDER BY shard LIMIT $3 FOR UPDATE SKIP LOCKED)
           RETURNING shard, watermark`,
          [coordinator, forMs, Math.max(0, share - held.rows.length)],
        );
        return [...held.rows.slice(0, share), ...taken.rows];
      }),
    advance: (coordinator, moves) =>
      inTransaction(postgres, async (client) => {
        const { rows } = await client.query<{ shard: number }>(
          `UPDATE shards s SET watermark = n.new
           FROM unnest($2::smallint[], $3::bigint[], $4::bigint[]) AS n (shard, old, new)
           WHERE s.shard = n.shard AND s.coordinator = $1 AND s.watermark IS NOT DISTINCT FROM n.old
           RETURNING s.shard`,
          [coordinator, moves.map(({ shard }) => shard), moves.map(({ from }) => from), moves.map(({ to }) => to)],
        );
        const moved = new Set(rows.map(({ shard }) => shard));
        const gaps = moves.filter(({ shard, gap }) => gap && moved.has(shard));
        if (gaps.length > 0) {
          await client.query(
            `INSERT INTO shard_gaps (shard, from_slot, to_slot) SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bigint[])
             ON CONFLICT DO NOTHING`,
            [gaps.map(({ shard }) => shard), gaps.map(({ gap }) => gap?.from), gaps.map(({ gap }) => gap?.to)],
          );
        }
        return [...moved];
      }),
    async release(coordinator) {
      await postgres.query(
        `WITH gone AS (DELETE FROM coordinators WHERE id = $1)
         UPDATE shards SET coordinator = NULL, leased_until = NULL WHERE coordinator = $1`,
        [coordinator],
      );
    },
    async gaps(shard, from, to) {
      const { rows } = await postgres.query<Gap>(
        `SELECT shard, from_slot AS "from", to_slot AS "to" FROM shard_gaps
         WHERE shard = $1 AND to_slot >= $2 AND from_slot <= $3 ORDER BY from_slot`,
        [shard, from, to],
      );
      return rows;
    },
  };
}

/** How many shards each living coordinator should hold, so that all are held. */
async function fairShare(client: PostgresClient, coordinator: string): Promise<number> {
  await client.query(
    `INSERT INTO coordinators (id, seen_at) VALUES ($1, clock_timestamp())
     ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at`,
    [coordinator],
  );
  const { rows } = await client.query<{ share: number }>(
    `WITH gone AS (DELETE FROM coordinators WHERE seen_at < clock_timestamp() - interval '1 hour')
     SELECT ceil((SELECT count(*) FROM shards)::numeric / count(*))::integer AS share
     FROM coordinators WHERE seen_at > clock_timestamp() - $1 * interval '1 ms'`,
    [GONE_AFTER_MS],
  );
  return rows[0]?.share ?? 0;
}
