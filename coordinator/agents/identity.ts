import { hashMatches, hashSecret, isAgentId, readBearer } from "../../shared/agent-secret.ts";
import { errorText } from "../../shared/errors.ts";
import { withDeadline } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import { retryUntil } from "../../shared/retry.ts";
import type { AgentCredentialStore, StoredCredential } from "../store/agent-credentials.ts";
import { baseOf } from "./state.ts";

/** An enrolled agent that has proved who it is. */
export interface AgentIdentity {
  readonly agentId: string;
  readonly region: string;
  /** Of the secret that it came with. */
  readonly generation: number;
}

/** Which agents are who they say they are. */
export interface AgentIdentities {
  /**
   * Whose `Authorization` header this is; null for nobody's, and for an agent that was revoked. Asked when a link or a
   * tunnel opens and not again while it is open: `onRevoked` tells when it has to be cut.
   * @throws Error when nobody can tell now.
   */
  authenticate(authorization: string | undefined): Promise<AgentIdentity | null>;
  /**
   * Whether this is the id of an agent that was enrolled, be it revoked since, or of one of its processes: nobody who
   * shares a token may speak by it.
   * @throws Error when nobody can tell now.
   */
  isEnrolled(id: string): Promise<boolean>;
  /** Calls back with the id of every agent that is revoked from now on, on whichever coordinator. */
  onRevoked(listener: (agentId: string) => void): void;
  /** The credential of this agent has changed. */
  onChange(agentId: string): void;
  /** Changes may have gone unheard. */
  onGap(): void;
  settled(): Promise<void>;
}

/** Whoever opens a link waits for the store no longer, in ms; the agent comes again. */
const STORE_DEADLINE_MS = 3_000;
/** So many may be asked about at once: knocking with invented ids must not keep the store busy. */
const MAX_ASKED = 50;
const REREAD = { baseMs: 200, capMs: 5_000, deadlineMs: 60_000 };
/** No secret has this hash. */
const NOBODY = "00".repeat(32);

export function createAgentIdentities({
  store,
  onAdopted,
  logger,
}: {
  readonly store: AgentCredentialStore;
  /** An agent has used the secret that it was given in exchange for its last. */
  readonly onAdopted: (identity: AgentIdentity) => void;
  readonly logger: Logger;
}): AgentIdentities {
  /** As they were when last read: those that have come here. They serve while the store does not answer. */
  const known = new Map<string, StoredCredential>();
  /** Nobody comes back from here: an agent that is wanted again enrolls again, with another id. */
  const revoked = new Set<string>();
  const listeners: Array<(agentId: string) => void> = [];
  const working = new Set<Promise<unknown>>();
  let asked = 0;

  function work(what: string, task: () => Promise<void>): void {
    const promise = task()
      .catch((thrown) => logger.warn({ reason: errorText(thrown) }, what))
      .finally(() => working.delete(promise));
    working.add(promise);
  }

  async function find(agentId: string): Promise<StoredCredential | null> {
    if (asked >= MAX_ASKED) throw new Error("too many agents come at once");
    asked++;
    try {
      const found = await withDeadline(store.get(agentId), STORE_DEADLINE_MS, "PostgreSQL did not answer");
      if (found) known.set(agentId, found);
      return found;
    } catch (thrown) {
      const last = known.get(agentId);
      if (last) return last;
      throw thrown;
    } finally {
      asked--;
    }
  }

  function end(agentId: string): void {
    known.delete(agentId);
    if (revoked.has(agentId)) return;
    revoked.add(agentId);
    for (const listener of listeners) listener(agentId);
  }

  return {
    async authenticate(authorization) {
      const bearer = readBearer(authorization);
      if (bearer === null) return null;
      const { agentId } = bearer;
      const credential = await find(agentId);
      const hash = hashSecret(bearer.secret);
      const isCurrent = hashMatches(hash, credential?.secretHash ?? NOBODY);
      const isNext = hashMatches(hash, credential?.next?.secretHash ?? NOBODY);
      if (credential === null || credential.revokedAt !== null || revoked.has(agentId)) return null;
      if (isNext && credential.next) {
        const identity = { agentId, region: credential.region, generation: credential.next.generation };
        work("A new secret was used, and could not be made the only one yet", async () => {
          if (await store.adopt(agentId, identity.generation)) onAdopted(identity);
        });
        return identity;
      }
      if (!isCurrent) return null;
      work("The use of a credential could not be noted", () => store.used(agentId));
      return { agentId, region: credential.region, generation: credential.generation };
    },
    async isEnrolled(id) {
      const agentId = baseOf(id);
      if (!isAgentId(agentId)) return false;
      if (known.has(agentId) || revoked.has(agentId)) return true;
      return (await withDeadline(store.get(agentId), STORE_DEADLINE_MS, "PostgreSQL did not answer")) !== null;
    },
    onRevoked: (listener) => void listeners.push(listener),
    onChange(agentId) {
      work("A changed credential could not be read", async () => {
        const found = await retryUntil(() => store.get(agentId), REREAD);
        if (found === null || found.revokedAt !== null) end(agentId);
        else if (known.has(agentId)) known.set(agentId, found);
      });
    },
    onGap() {
      if (known.size === 0) return;
      work("It could not be told which agents have been revoked", async () => {
        for (const agentId of await retryUntil(() => store.revokedAmong([...known.keys()]), REREAD)) end(agentId);
      });
    },
    settled: async () => void (await Promise.all(working)),
  };
}
