import { announce } from "./announce.ts";

type Load = (signal: AbortSignal) => Promise<void>;

/** Keeps what is asked for while the first load, which it needs, is under way. */
export function createFirstLoad() {
  let isOver = false;
  let wanted: (() => void) | null = null;
  return {
    /** Does it now, or as soon as the page is loaded; of several, the last. */
    after(work: () => void): void {
      if (isOver) work();
      else {
        wanted = work;
        announce("Loading …");
      }
    },
    /** The load that is waited for. When it fails, which the page says, nothing is done later than it was asked for. */
    of(load: Load): Load {
      return async (signal) => {
        try {
          await load(signal);
          isOver = true;
          wanted?.();
        } finally {
          if (!signal.aborted) wanted = null;
        }
      };
    },
  };
}
