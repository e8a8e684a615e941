import { errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import { ADMIN } from "../http/access.ts";
import type { ApiTokenStore } from "../store/api-tokens.ts";
import type { LiveClients } from "./clients.ts";

const EVERY_MS = 15_000;

/**
 * Ends the connections of those who look on with a token that is good no more. That one is removed is notified of and
 * acted on at once; this is for what no notification tells: a token whose time is over, one that was removed while
 * nobody listened, and one that was removed while somebody came in with it.
 */
export interface TokenReview extends Part {
  /** Looks now, as notifications may have gone unheard. */
  now(): void;
}

export function createTokenReview({
  clients,
  tokens,
  logger,
  everyMs = EVERY_MS,
}: {
  readonly clients: Pick<LiveClients, "actors" | "cut">;
  readonly tokens: Pick<ApiTokenStore, "goodAmong">;
  readonly logger: Logger;
  readonly everyMs?: number;
}): TokenReview {
  let timer: NodeJS.Timeout | undefined;
  let reviewing = Promise.resolve();

  async function review(): Promise<void> {
    const ids = clients.actors().filter((actor) => actor !== ADMIN);
    if (ids.length === 0) return;
    try {
      const good = await tokens.goodAmong(ids);
      for (const id of ids) if (!good.has(id)) clients.cut(id);
    } catch (thrown) {
      logger.warn({ reason: errorText(thrown) }, "The tokens of those who look on could not be reviewed");
    }
  }

  function now(): void {
    reviewing = reviewing.then(review);
  }

  return {
    now,
    async start() {
      timer = setInterval(now, everyMs);
    },
    async stop() {
      clearInterval(timer);
      await reviewing;
    },
  };
}
