import type { Notice } from "../notice.ts";
import { plainId } from "./text.ts";

/** What the key of trouble that is no outage ends in. */
const LESSER = "-lesser";

/** The alerts that a notice is about, by their keys, at a service that keeps alerts. */
export interface AlertKeys {
  /** The one that trouble opens. */
  readonly own: string;
  /** Those that this one takes the place of. */
  readonly replaced: readonly string[];
  /** All that the same trouble may have opened. */
  readonly all: readonly string[];
}

/**
 * An alert that is open calls nobody again, whatever is added to it (support.pagerduty.com, "Event Management";
 * support.atlassian.com, "What is alert de-duplication?"). So an outage has an alert of its own beside the one of what
 * is less, lest a monitor that was degraded goes down and nobody is called.
 * @param max how long a key may be, in characters
 */
export function alertKeys({ key, event, severity, repeat, incident }: Notice, max: number): AlertKeys {
  const outage = plainId(key, max - LESSER.length);
  if (incident === null) return { own: outage, replaced: [], all: [outage] };
  const all = [outage, outage + LESSER];
  const own = severity === "critical" ? outage : outage + LESSER;
  const isChange = repeat === 0 && incident.toldBefore === true && (event === "down" || event === "degraded");
  return { own, replaced: isChange ? all.filter((other) => other !== own) : [], all };
}
