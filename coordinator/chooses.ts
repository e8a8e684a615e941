/** What of a monitor people choose it by. */
export interface Traits {
  readonly id: string;
  readonly tags: readonly string[];
  readonly type: string;
}

/** Which monitors something is for; all when no list names any. */
export interface Choice {
  readonly monitors: readonly string[];
  readonly tags: readonly string[];
  readonly types: readonly string[];
}

/**
 * Whether something is for a monitor: it fits one of the lists, or there is none. What is
 * about no monitor, which is null, is chosen only by having no list.
 */
export function chooses({ monitors, tags, types }: Choice): (monitor: Traits | null) => boolean {
  const [ids, marks, kinds] = [new Set(monitors), new Set(tags), new Set(types)];
  if (ids.size + marks.size + kinds.size === 0) return () => true;
  return (monitor) =>
    monitor !== null && (ids.has(monitor.id) || kinds.has(monitor.type) || monitor.tags.some((tag) => marks.has(tag)));
}
