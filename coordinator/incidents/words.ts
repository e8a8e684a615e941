import type { TimelineEntry, TimelineType } from "./incident.ts";

/** What happened, as commands and dashboard say it. */
export const timelineWords: Readonly<Record<TimelineType, string>> = {
  opened: "opened",
  worsened: "became worse",
  eased: "became better",
  evidence: "regions changed",
  resolved: "resolved",
  reopened: "came back",
  blip: "was a blip",
  no_data: "no data",
  data_back: "data is back",
  flapping: "flapping",
  calm: "no longer flapping",
  paused: "paused",
  resumed: "resumed",
  maintenance_began: "maintenance began",
  maintenance_ended: "maintenance ended",
  acknowledged: "acknowledged",
  note: "note",
};

/** The particulars of an entry in one line; empty when there are none. */
export function describeEntry(type: TimelineType, data: TimelineEntry["data"]): string {
  const text = (key: string) => (typeof data[key] === "string" ? (data[key] as string) : null);
  const [by, said] = [text("by"), text("note") ?? text("text")];
  const parts = [
    text("level"),
    text("kind"),
    text("reason"),
    type === "resolved" && text("resolution") !== "recovered" ? text("resolution") : null,
    Array.isArray(data.regions) && data.regions.length > 0 ? `seen by ${data.regions.join(", ")}` : null,
    by === null ? said : said === null ? `by ${by}` : `${by}: ${said}`,
  ];
  return parts.filter(Boolean).join(", ");
}
