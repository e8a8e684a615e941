import { CheckFailure } from "../net/failure.ts";

/**
 * What all checks together may hold of bodies in memory. One that would exceed it ends as
 * the agent's own trouble: to let it wait would falsify its phases and run into its
 * deadline, and would let a few slow targets with large bodies hold up all the others.
 */
export interface BodyBudget {
  open(): BodyShare;
}

/** What one body takes of it. */
export interface BodyShare {
  /**
   * Takes so many bytes in place of what it took before; 0 gives all back.
   * @throws CheckFailure `agent_resources` when there is not so much left.
   */
  resize(bytes: number): void;
}

/** Smaller bodies are not counted, in bytes, so that large ones never cost them their place. */
const SMALL = 65_536;

export function createBodyBudget(maxBytes: number): BodyBudget {
  let held = 0;
  return {
    open() {
      let own = 0;
      return {
        resize(bytes) {
          const wanted = bytes <= SMALL ? 0 : bytes;
          if (wanted > own && held - own + wanted > maxBytes) {
            const megabytes = Math.floor(maxBytes / 2 ** 20);
            throw new CheckFailure("agent_resources", `the agent holds ${megabytes} MB of bodies already`);
          }
          held += wanted - own;
          own = wanted;
        },
      };
    },
  };
}
