/** How long after an answer the next one is asked for, in ms. */
const EVERY_MS = 2_000;
/** … but at least so many times as long as the answer took: a page never keeps a busy coordinator busy. */
const REST_FACTOR = 4;
const MAX_BACKOFF_MS = 30_000;

export interface Poller {
  /** Asks at once; an answer still under way is dropped, since it may be older than what was just changed. */
  now(): void;
  stop(): void;
}

export interface PollOptions {
  readonly load: (signal: AbortSignal) => Promise<void>;
  readonly onLoaded: () => void;
  /** Told of every failure, and in how many ms it is tried again. */
  readonly onFailed: (thrown: unknown, retryInMs: number) => void;
}

/** Loads again and again while the page is visible; backs off with jitter while loading fails. */
export function startPolling({ load, onLoaded, onFailed }: PollOptions): Poller {
  let timer: number | undefined;
  let current = new AbortController();
  let failures = 0;

  async function run(): Promise<void> {
    clearTimeout(timer);
    current.abort();
    current = new AbortController();
    const { signal } = current;
    const startedAt = performance.now();
    let wait: number;
    try {
      await load(signal);
      if (signal.aborted) return;
      failures = 0;
      wait = Math.max(EVERY_MS, REST_FACTOR * (performance.now() - startedAt));
      onLoaded();
    } catch (thrown) {
      if (signal.aborted) return;
      failures++;
      wait = Math.min(MAX_BACKOFF_MS, EVERY_MS * 2 ** failures) * (0.5 + Math.random() / 2);
      onFailed(thrown, wait);
    }
    // The callbacks may have ended it.
    if (!signal.aborted && !document.hidden) timer = setTimeout(run, wait);
  }

  function onVisibility(): void {
    if (document.hidden) clearTimeout(timer);
    else void run();
  }

  document.addEventListener("visibilitychange", onVisibility);
  void run();
  return {
    now: () => void run(),
    stop() {
      document.removeEventListener("visibilitychange", onVisibility);
      clearTimeout(timer);
      current.abort();
    },
  };
}
