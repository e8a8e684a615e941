import type { Closing, Course } from "./follow.ts";
import type { Incident } from "./incident.ts";

/** Why and when nobody watches any more. */
export interface Ending extends Pick<Closing, "reason" | "by"> {
  /** In ms since the epoch. */
  readonly at: number;
}

/** A monitor, or a region, that is not watched any more. */
export interface Unwatched {
  /** Null for a region, which its incident names. */
  readonly monitorId: string | null;
  /** Its latest incident, if it has one. */
  readonly incident: Incident | null;
  /** It changes too often to tell of each change. */
  readonly flapping?: boolean;
  /** Results are missing, since an instant in ms since the epoch where that is known; null while they come. */
  readonly silence?: { readonly since: number | null } | null;
}

/**
 * Closes what may have been told of somebody whom nobody watches any more, and has those told who heard of it: what
 * is to tell them of its end, its recovery, is not found out any more.
 */
export function close(
  { monitorId, incident, flapping = false, silence = null }: Unwatched,
  { reason, by, at }: Ending,
): Course {
  const news = (about: Incident | null, was: Closing["was"], since: number | null): Course["news"] => {
    const forMs = since === null ? null : Math.max(0, at - since);
    return [{ event: "closed", at, monitorId, incident: about, closing: { reason, by, was, forMs } }];
  };
  if (incident?.resolvedAt === null) {
    const { id, kind, level, startedAt, wellMs, notices } = incident;
    const closed: Incident = { ...incident, resolvedAt: at, resolution: reason, notices: notices + 1 };
    const data = { resolution: reason, ...(by !== null && { by }) };
    return {
      incident: closed,
      timeline: [{ type: "resolved", at, monitorId, incidentId: id, data }],
      news: news(closed, kind === "vantage" ? "impaired" : level, startedAt + wellMs),
    };
  }
  // That it flaps was told of its latest incident, be it over.
  if (flapping && incident) {
    const told = { ...incident, notices: incident.notices + 1 };
    return { incident: told, timeline: [], news: news(told, "flapping", null) };
  }
  return { incident: null, timeline: [], news: silence ? news(null, "no_data", silence.since) : [] };
}
