import type { IncidentDetail } from "../http/api-types.ts";
import { describeEntry, timelineWords } from "./words.ts";

/** Something that happened in the course of an incident, in words. */
export interface CourseEntry {
  /** ISO 8601. */
  readonly at: string;
  /** What kind of thing it is: a type of the timeline, or what is known beside it. */
  readonly type: string;
  readonly title: string;
  /** Empty when there are no particulars. */
  readonly text: string;
}

/** What became of messages that reached somebody, or did not. */
const arrivals: Readonly<Record<string, string>> = {
  sent: "told",
  failed: "could not be told",
  uncertain: "may have been told",
};

/**
 * What happened when, the oldest first: what the target did and what was seen of it, what people did, and whom it
 * was told.
 */
export function courseOf(incident: IncidentDetail): CourseEntry[] {
  const { monitorId, startedAt, detectedAt, confirmedAt, failedAgainAt, recoveredAt, timeline, deliveries } = incident;
  const isOfTarget = monitorId !== null;
  const entries: ReadonlyArray<CourseEntry | null | false> = [
    isOfTarget && { at: startedAt, type: "failed", title: "first check that failed", text: "" },
    // Where one look was enough nobody was asked.
    isOfTarget &&
      detectedAt < confirmedAt && {
        at: detectedAt,
        type: "suspected",
        title: "in doubt",
        text: "every region was asked at once",
      },
    failedAgainAt !== null && { at: failedAgainAt, type: "failed", title: "failed again", text: "" },
    ...timeline.map(({ at, type, data }) => ({
      at,
      type,
      title: timelineWords[type] ?? type,
      text: describeEntry(type, data),
    })),
    isOfTarget &&
      recoveredAt !== null && { at: recoveredAt, type: "recovered", title: "first check that passed", text: "" },
    ...deliveries.map(({ outcome, endedAt, channelName, event, repeat, lastError }) => {
      const title = arrivals[outcome];
      if (title === undefined || endedAt === null) return null;
      const what = `${channelName}: ${event.replaceAll("_", " ")}${repeat > 0 ? `, reminder ${repeat}` : ""}`;
      const text = lastError === null || outcome === "sent" ? what : `${what} (${lastError})`;
      return { at: endedAt, type: outcome === "sent" ? "told" : "not-told", title, text };
    }),
  ];
  const order = (entry: CourseEntry) => Date.parse(entry.at);
  return entries.filter((entry) => entry !== null && entry !== false).sort((a, b) => order(a) - order(b));
}
