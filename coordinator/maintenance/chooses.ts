import type { WindowSpec } from "./document.ts";

/** What of a monitor windows choose it by. */
export interface Traits {
  readonly id: string;
  readonly tags: readonly string[];
  readonly type: string;
}

/** Whether a window is for a monitor: it fits one of the window's lists, or the window has none. */
export function chooses({ monitors, tags, types }: Pick<WindowSpec, "monitors" | "tags" | "types">) {
  const [ids, marks, kinds] = [new Set(monitors), new Set(tags), new Set(types)];
  const isForAll = ids.size + marks.size + kinds.size === 0;
  return (monitor: Traits): boolean =>
    isForAll || ids.has(monitor.id) || kinds.has(monitor.type) || monitor.tags.some((tag) => marks.has(tag));
}
