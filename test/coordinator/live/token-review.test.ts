import { afterAll, beforeAll, expect, test } from "vitest";
import { createTokenReview } from "../../../coordinator/live/token-review.ts";
import type { ApiTokenStore } from "../../../coordinator/store/api-tokens.ts";
import { createApiTokenStore } from "../../../coordinator/store/api-tokens.ts";
import { createLogger } from "../../../shared/logger.ts";
import { testStores } from "../../support/stores.ts";
import { until } from "../../support/until.ts";

const HOUR_MS = 3_600_000;
const logger = createLogger({ level: "silent", name: "test" });

let stores: Awaited<ReturnType<typeof testStores>>;
let tokens: ApiTokenStore;
beforeAll(async () => {
  stores = await testStores();
  tokens = createApiTokenStore(stores.postgres);
});
afterAll(() => stores?.stop());

/** Those who look on, as far as a review is concerned. */
function audience(...actors: string[]) {
  const cut: string[] = [];
  return { cut: (actor: string) => void cut.push(actor), actors: () => actors.filter((one) => !cut.includes(one)) };
}

const make = (id: string, lifeMs: number | null) =>
  tokens.create({ id, name: id, scope: "read", tokenHash: `hash of ${id}`, createdBy: "admin", lifeMs });

test("who came with a token that is over, or was removed, is cut off, and nobody else", async () => {
  await Promise.all([make("tok_good", null), make("tok_long", HOUR_MS), make("tok_over", HOUR_MS)]);
  await stores.postgres.query("UPDATE api_tokens SET expires_at = now() WHERE id = 'tok_over'");
  const clients = audience("admin", "tok_good", "tok_long", "tok_over", "tok_removed");
  const review = createTokenReview({ clients, tokens, logger, everyMs: 20 });
  await review.start();
  await until(clients.actors, ({ length }) => length === 3);
  expect(clients.actors()).toEqual(["admin", "tok_good", "tok_long"]);
  // As time goes on, too.
  await stores.postgres.query("UPDATE api_tokens SET expires_at = now() WHERE id = 'tok_long'");
  await until(clients.actors, ({ length }) => length === 2);
  await review.stop();
});

test("whoever looks on is reviewed at once when notifications may have gone unheard, and spared while nobody can tell", async () => {
  const clients = audience("admin", "tok_nobody");
  let isAway = true;
  const review = createTokenReview({
    clients,
    tokens: {
      async goodAmong(ids) {
        if (isAway) throw new Error("away");
        return await tokens.goodAmong(ids);
      },
    },
    logger,
    everyMs: HOUR_MS,
  });
  await review.start();
  review.now();
  await review.stop();
  expect(clients.actors()).toEqual(["admin", "tok_nobody"]);
  isAway = false;
  review.now();
  await until(clients.actors, ({ length }) => length === 1);
  expect(clients.actors()).toEqual(["admin"]);
});
