import { z } from "zod";
import { formatDuration, parseDuration } from "../shared/duration.ts";
import { isTimeZone } from "./local-time.ts";

/** A time zone of the IANA database. */
export const timeZone = z.string().refine(isTimeZone, { message: "must be a time zone such as Europe/Berlin" });

/** A time of the day on the local clock. */
export const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a time such as 22:00");

/** A duration as people write it, which becomes ms; both bounds are allowed. */
export const duration = (minMs: number, maxMs: number) =>
  z.union([z.number(), z.string()]).transform((value, context) => {
    const ms = parseDuration(value);
    if (ms !== null && ms >= minMs && ms <= maxMs) return ms;
    const rule = `must be from ${formatDuration(minMs)} to ${formatDuration(maxMs)}, such as 90s or 5m`;
    context.addIssue({ code: "custom", message: rule });
    return z.NEVER;
  });
