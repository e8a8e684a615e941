import type { CredentialNews } from "../../shared/agent-message.ts";
import { hashSecret, redisPassword } from "../../shared/agent-secret.ts";
import type { CredentialQueue } from "../../shared/credential.ts";
import { errorText } from "../../shared/errors.ts";
import { newSecret } from "../../shared/id.ts";
import type { Logger } from "../../shared/logger.ts";
import type { AgentCredentialStore } from "../store/agent-credentials.ts";

/** An agent that did not use the secret that it was given within this time, in ms, is given another one. */
const PATIENCE_MS = 15_000;

/**
 * Gives agents another secret when an operator asks for it. The secret exists nowhere but in the message to the
 * agent; the one before is good until the new one has been used, so that an agent that did not get it loses nothing.
 */
export interface Reissue {
  /** An agent has linked itself to this coordinator, or its credential has changed. */
  onChange(agentId: string): void;
  stop(): Promise<void>;
}

export function createReissue({
  store,
  links,
  letIn,
  queue,
  queuePrefix,
  logger,
  patienceMs = PATIENCE_MS,
}: {
  readonly store: Pick<AgentCredentialStore, "get" | "issue">;
  readonly links: {
    isLinked(agentId: string): boolean;
    tell(agentId: string, message: { readonly type: "credential"; readonly credential: CredentialNews }): boolean;
  };
  /** Has the queue server take what agents may come with from now on. */
  readonly letIn: () => Promise<void>;
  readonly queue: CredentialQueue;
  readonly queuePrefix: string;
  readonly logger: Logger;
  readonly patienceMs?: number;
}): Reissue {
  /** Agents that are looked at again, so that what was lost on its way is not the end of it. */
  const waiting = new Map<string, NodeJS.Timeout>();
  const working = new Set<Promise<void>>();

  async function look(agentId: string): Promise<void> {
    if (!links.isLinked(agentId)) return;
    const credential = await store.get(agentId);
    if (credential === null || credential.rotationAskedAt === null) return;
    lookAgain(agentId);
    const secret = newSecret("wps");
    const hashes = { secretHash: hashSecret(secret), redisPasswordHash: hashSecret(redisPassword(secret)) };
    // Null when another one was given out just now, by whichever coordinator.
    const generation = await store.issue(agentId, hashes, patienceMs);
    if (generation === null) return;
    await letIn();
    const news: CredentialNews = { v: 1, agentId, secret, generation, queue, queuePrefix };
    const isTold = links.tell(agentId, { type: "credential", credential: news });
    logger.info({ agent: agentId, generation, isTold }, "An agent is given a new secret");
  }

  function lookAgain(agentId: string): void {
    clearTimeout(waiting.get(agentId));
    waiting.set(
      agentId,
      setTimeout(() => {
        waiting.delete(agentId);
        onChange(agentId);
      }, patienceMs),
    );
  }

  function onChange(agentId: string): void {
    const work = look(agentId)
      .catch((thrown) => {
        logger.warn({ agent: agentId, reason: errorText(thrown) }, "An agent could not be given a new secret yet");
        lookAgain(agentId);
      })
      .finally(() => working.delete(work));
    working.add(work);
  }

  return {
    onChange,
    async stop() {
      for (const timer of waiting.values()) clearTimeout(timer);
      waiting.clear();
      await Promise.all(working);
      for (const timer of waiting.values()) clearTimeout(timer);
    },
  };
}
