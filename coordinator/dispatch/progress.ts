/**
 * How far a shard has been dispatched. Slots are pushed side by side and end in any
 * order; the watermark stands before the first that has not ended, so that whoever
 * takes over begins there and leaves nothing out.
 */
export interface Progress {
  /** The next slot to push. */
  next: number;
  /** Takes the next slot, and returns what is called when its push has ended, one way or the other. */
  begin(): () => void;
  /** The last slot up to which every one has ended. */
  readonly watermark: number;
}

export function createProgress(first: number): Progress {
  const pending = new Set<number>();
  const progress = {
    next: first,
    begin() {
      const slot = progress.next++;
      pending.add(slot);
      return () => void pending.delete(slot);
    },
    get watermark() {
      return (pending.size === 0 ? progress.next : Math.min(...pending)) - 1;
    },
  };
  return progress;
}
