import type { WindowDocument } from "./document.ts";

/** For which monitors something is, in short. */
export function whomInWords({
  monitors = [],
  tags = [],
  types = [],
}: {
  readonly monitors?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly types?: readonly string[] | undefined;
}): string {
  const parts = [
    monitors.length > 0 && `${monitors.length} ${monitors.length === 1 ? "monitor" : "monitors"}`,
    tags.length > 0 && `tagged ${tags.join(", ")}`,
    types.length > 0 && `of type ${types.join(", ")}`,
  ].filter((part) => part !== false);
  return parts.length === 0 ? "all monitors" : parts.join(" or ");
}

/** When a window is, in short. */
export function whenInWords({ once, weekly, cron }: WindowDocument["when"]): string {
  if (once) return `once, ${once.from} to ${once.to}`;
  if (weekly) return `${weekly.days.join(", ")} ${weekly.from} to ${weekly.to} (${weekly.timeZone})`;
  return cron ? `cron ${cron.expression} for ${cron.duration} (${cron.timeZone})` : "";
}
