import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Postgres } from "../../../coordinator/store/postgres.ts";
import type { ShardStore } from "../../../coordinator/store/shards.ts";
import { createShardStore } from "../../../coordinator/store/shards.ts";
import { testStores } from "../../support/stores.ts";

let postgres: Postgres;
let store: ShardStore;
let stop: () => Promise<void>;

beforeAll(async () => {
  const stores = await testStores();
  postgres = stores.postgres;
  store = createShardStore(postgres);
  stop = stores.stop;
});
afterAll(() => stop?.());
beforeEach(async () => {
  await postgres.query(
    "UPDATE shards SET coordinator = NULL, leased_until = NULL, watermark = NULL; DELETE FROM coordinators; DELETE FROM shard_gaps",
  );
});

const shards = async (coordinator: string, ms = 60_000) =>
  (await store.lease(coordinator, ms)).map(({ shard }) => shard).sort((a, b) => a - b);
const all = Array.from({ length: 16 }, (_, shard) => shard);

test("one coordinator holds all shards; two and three come to hold a fair share each, and all are held", async () => {
  expect(await shards("a")).toEqual(all);
  expect(await shards("b")).toEqual([]);
  const a = await shards("a");
  const b = await shards("b");
  expect([a.length, b.length]).toEqual([8, 8]);
  expect([...a, ...b].sort((x, y) => x - y)).toEqual(all);
  await shards("c");
  const three = [await shards("a"), await shards("b"), await shards("c")];
  expect(three.map(({ length }) => length)).toEqual([6, 6, 4]);
  expect(three.flat().sort((x, y) => x - y)).toEqual(all);
});

test("leases that ended are taken over with their watermark, and the earlier holder can move it no more", async () => {
  await shards("a", -1);
  expect(await store.advance("a", [{ shard: 3, from: null, to: 100 }])).toEqual([3]);
  await postgres.query("UPDATE coordinators SET seen_at = seen_at - interval '1 minute' WHERE id = 'a'");
  const taken = await store.lease("b", 60_000);
  expect(taken).toHaveLength(16);
  expect(taken.find(({ shard }) => shard === 3)?.watermark).toBe(100);
  expect(await store.advance("a", [{ shard: 3, from: 100, to: 101 }])).toEqual([]);
  expect(await store.advance("b", [{ shard: 3, from: 100, to: 101 }])).toEqual([3]);
});

test("a watermark moves only from where it is", async () => {
  await shards("a");
  expect(await store.advance("a", [{ shard: 0, from: null, to: 5 }])).toEqual([0]);
  expect(await store.advance("a", [{ shard: 0, from: null, to: 9 }])).toEqual([]);
  expect(await store.advance("a", [{ shard: 0, from: 4, to: 9 }])).toEqual([]);
  expect(await store.advance("a", [{ shard: 0, from: 5, to: 9 }])).toEqual([0]);
});

test("a gap is kept with the move that jumps over it, and found by the range that it touches", async () => {
  await shards("a");
  await store.advance("a", [{ shard: 0, from: null, to: 120, gap: { from: 10, to: 100 } }]);
  await store.advance("a", [{ shard: 0, from: 1, to: 130, gap: { from: 121, to: 125 } }]);
  expect(await store.gaps(0, 0, 9)).toEqual([]);
  expect(await store.gaps(0, 100, 200)).toEqual([{ shard: 0, from: 10, to: 100 }]);
  expect(await store.gaps(1, 0, 200)).toEqual([]);
});

test("what is released can be taken at once", async () => {
  await shards("a");
  await store.release("a");
  expect(await shards("b")).toEqual(all);
});

test("coordinators that lease at the same moment never hold the same shard", async () => {
  const ids = ["a", "b", "c", "d"];
  for (let round = 0; round < 5; round++) await Promise.all(ids.map((id) => store.lease(id, 60_000)));
  const held = [];
  for (const id of ids) held.push(...(await shards(id)));
  expect(held.sort((x, y) => x - y)).toEqual(all);
});
