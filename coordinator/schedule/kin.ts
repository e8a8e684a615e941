import type { Monitor } from "../../shared/monitor.ts";

type Monitors = ReadonlyMap<string, Pick<Monitor, "dependsOn">>;

/** The monitors that one depends on, over however many others. */
export function above(monitorId: string, monitors: Monitors): ReadonlySet<string> {
  return reach(monitorId, (id) => monitors.get(id)?.dependsOn ?? []);
}

/** The monitors that depend on one, over however many others. */
export function below(monitorId: string, monitors: Monitors): ReadonlySet<string> {
  const children = new Map<string, string[]>();
  for (const [id, { dependsOn }] of monitors) {
    for (const parent of dependsOn) children.set(parent, [...(children.get(parent) ?? []), id]);
  }
  return reach(monitorId, (id) => children.get(id) ?? []);
}

function reach(from: string, next: (id: string) => readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [from];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (const other of next(id)) {
      if (found.has(other) || other === from) continue;
      found.add(other);
      open.push(other);
    }
  }
  return found;
}
