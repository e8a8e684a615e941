import type { Clock } from "../shared/clock.ts";

/** Holds work until its instant. */
export interface DueTimer {
  /** Resolves true at the instant or, when it has passed, at once; never early. False when it is let go before. */
  until(instant: number): Promise<boolean>;
  /** Lets everything that is held now go, with false. */
  letGo(): void;
  /** Lets everything that is held go, with false. */
  close(): void;
}

/** The clock is looked at again after this long, in ms: its correction may have changed. */
const MAX_SLEEP_MS = 1_000;

export function createDueTimer(clock: Clock): DueTimer {
  const held = new Set<{ timer: NodeJS.Timeout; settle: (due: boolean) => void }>();
  let closed = false;

  function letGo(): void {
    for (const { timer, settle } of held) {
      clearTimeout(timer);
      settle(false);
    }
    held.clear();
  }

  return {
    letGo,
    until(instant) {
      if (closed) return Promise.resolve(false);
      const left = instant - clock.now();
      if (left <= 0) return Promise.resolve(true);
      return new Promise((resolve) => {
        const entry = { timer: after(left, look), settle: resolve };
        held.add(entry);
        function look() {
          const left = instant - clock.now();
          if (left > 0) {
            entry.timer = after(left, look);
            return;
          }
          held.delete(entry);
          resolve(true);
        }
      });
    },
    close() {
      closed = true;
      letGo();
    },
  };
}

/** Timers cut fractions of ms and would fire early by them. */
function after(ms: number, callback: () => void): NodeJS.Timeout {
  return setTimeout(callback, Math.ceil(Math.min(ms, MAX_SLEEP_MS)));
}
