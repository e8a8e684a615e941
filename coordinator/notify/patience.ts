/** How long a channel is waited for. */
export interface Patience {
  /** From the beginning until it takes the message: connecting, greeting, signing in; in ms. */
  readonly reachMs: number;
  /** From when the message goes out until it answers, in ms. */
  readonly answerMs: number;
}

/** The deadline of one try, in two parts: to give up before the message is out costs nothing, and afterwards the knowledge of it. */
export interface SendDeadline {
  readonly signal: AbortSignal;
  /** The message goes out now. */
  handOver(): void;
  /** The try is over. */
  clear(): void;
}

/** @param stopping gives up whatever is under way. */
export function startDeadline({ reachMs, answerMs }: Patience, stopping: AbortSignal): SendDeadline {
  const limit = new AbortController();
  let timer = setTimeout(() => limit.abort(), reachMs);
  return {
    signal: AbortSignal.any([limit.signal, stopping]),
    handOver() {
      clearTimeout(timer);
      timer = setTimeout(() => limit.abort(), answerMs);
    },
    clear: () => clearTimeout(timer),
  };
}
