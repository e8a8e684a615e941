/** How long after an answer the next one is asked for, in ms … */
const EVERY_MS = 2_000;
/** … and while changes are told of as they happen: then it is for latencies and ages alone. */
const WITH_HINTS_MS = 10_000;
/** … but at least so many times as long as the answer took: a page never keeps a busy coordinator busy. */
const REST_FACTOR = 4;
/** The pause before an answer that a hint asks for, in ms: what happens together is loaded together. */
const HINT_MS = 150;
const MAX_BACKOFF_MS = 30_000;

export interface Poller {
  /** Asks at once; an answer still under way is dropped, since it may be older than what was just changed. */
  now(): void;
  /** Something has changed: asks soon, or once the answer under way is in. */
  hint(): void;
  stop(): void;
}

export interface PollOptions {
  readonly load: (signal: AbortSignal) => Promise<unknown>;
  readonly onLoaded: () => void;
  /** Told of every failure, and in how many ms it is tried again. */
  readonly onFailed: (thrown: unknown, retryInMs: number) => void;
  /** Whether changes are told of by hints. */
  readonly hasHints: () => boolean;
}

/** Loads again and again while the page is visible; backs off with jitter while loading fails. */
export function startPolling({ load, onLoaded, onFailed, hasHints }: PollOptions): Poller {
  let timer: number | undefined;
  let dueAt = 0;
  let current = new AbortController();
  let loading = false;
  let hinted = false;
  let failures = 0;

  function plan(wait: number): void {
    clearTimeout(timer);
    dueAt = performance.now() + wait;
    timer = setTimeout(run, wait);
  }

  async function run(): Promise<void> {
    clearTimeout(timer);
    current.abort();
    current = new AbortController();
    const { signal } = current;
    const startedAt = performance.now();
    let wait: number;
    loading = true;
    hinted = false;
    try {
      await load(signal);
      if (signal.aborted) return;
      failures = 0;
      const rest = REST_FACTOR * (performance.now() - startedAt);
      wait = Math.max(hinted ? HINT_MS : hasHints() ? WITH_HINTS_MS : EVERY_MS, rest);
      onLoaded();
    } catch (thrown) {
      if (signal.aborted) return;
      failures++;
      wait = Math.min(MAX_BACKOFF_MS, EVERY_MS * 2 ** failures) * (0.5 + Math.random() / 2);
      onFailed(thrown, wait);
    }
    loading = false;
    // The callbacks may have ended it.
    if (!signal.aborted && !document.hidden) plan(wait);
  }

  function onVisibility(): void {
    if (document.hidden) clearTimeout(timer);
    else void run();
  }

  function onNetwork(): void {
    void run();
  }

  document.addEventListener("visibilitychange", onVisibility);
  addEventListener("online", onNetwork);
  addEventListener("offline", onNetwork);
  void run();
  return {
    now: () => void run(),
    hint() {
      if (loading) hinted = true;
      else if (failures === 0 && !document.hidden && performance.now() + HINT_MS < dueAt) plan(HINT_MS);
    },
    stop() {
      document.removeEventListener("visibilitychange", onVisibility);
      removeEventListener("online", onNetwork);
      removeEventListener("offline", onNetwork);
      clearTimeout(timer);
      current.abort();
    },
  };
}
