/** How those are without which a monitor cannot work, when something is to be told of it. Times are ms since the epoch. */
export interface Above {
  /** One of them is down, or it is being found out whether that is. */
  readonly isDown: boolean;
  /** Of those that are well: when the one that was heard of the longest ago was. Null when none is well. */
  readonly heardAt: number | null;
  /** Of those that are well: since when the one is that has been for the shortest time. */
  readonly wellSince: number | null;
  /** When the monitor itself was last heard of from the region that was heard the longest ago. */
  readonly ownHeardAt: number | null;
  /** The longest that a check of any of them takes, in ms. */
  readonly timeoutMs: number;
}

/** How long a check that is asked for may be on its way, in ms. */
const ON_ITS_WAY_MS = 10_000;

/**
 * Whether nobody is to be told of a monitor's trouble, for now, because of what it depends on. That is down, or was
 * not looked at since the trouble began, or came back and some region has not looked at the monitor itself since. All
 * of them have been asked, so this takes no longer than a check, or two where one found it well; should no answer come,
 * people are told.
 * @param startedAt when the trouble began; null for what is no incident
 * @param toldAt when it was known
 * @param inDoubt it is being found out whether the monitor has come back
 */
export function isSilencedBy(
  above: Above,
  {
    startedAt,
    toldAt,
    inDoubt,
  }: { readonly startedAt: number | null; readonly toldAt: number; readonly inDoubt: boolean },
  now: number,
): boolean {
  if (above.isDown) return true;
  if (startedAt === null) return false;
  const { heardAt, wellSince, ownHeardAt, timeoutMs } = above;
  const patience = timeoutMs + ON_ITS_WAY_MS;
  if (heardAt !== null && heardAt < startedAt) return now < toldAt + patience;
  if (wellSince === null || wellSince <= startedAt) return false;
  if (inDoubt) return now < wellSince + 2 * patience;
  return now < wellSince + patience && (ownHeardAt === null || ownHeardAt <= wellSince);
}
