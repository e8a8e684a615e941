import { Cron } from "croner";
import { z } from "zod";
import { isoTime } from "../../shared/clock.ts";
import { formatDuration } from "../../shared/duration.ts";
import { duration, timeOfDay, timeZone } from "../fields.ts";
import { DAY_MS, weekdays } from "../local-time.ts";

const MINUTE_MS = 60_000;
/** The longest that maintenance lasts each time a cron expression comes round, in ms. */
const MAX_DURATION_MS = 7 * DAY_MS;

const line = (max: number) =>
  z
    .string()
    .trim()
    .max(max, `must be at most ${max} characters`)
    .regex(/^[^\p{Cc}\p{Surrogate}]*$/u, "must not hold control characters");

const list = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .max(1_000)
    .refine((items) => new Set(items).size === items.length, { message: "must not name one twice" })
    .default([]);

const instant = z.iso
  .datetime({
    offset: true,
    abort: true,
    error: "must be a time in ISO 8601 with its offset, such as 2026-01-31T22:00:00Z",
  })
  .transform((text) => Date.parse(text));

const once = z.strictObject({ from: instant, to: instant }).refine(({ from, to }) => to > from, {
  path: ["to"],
  message: "must be later than its beginning",
});

const weekly = z
  .strictObject({
    /** The days on which it begins, on the local clock. */
    days: z
      .array(z.enum(weekdays))
      .min(1, "must name a day")
      .refine((days) => new Set(days).size === days.length, { message: "must not name one twice" }),
    from: timeOfDay,
    /** On the next day when it is not later than `from`. */
    to: timeOfDay,
    timeZone,
  })
  .refine(({ days, from, to }) => days.length < weekdays.length || from !== to, {
    path: ["to"],
    message: "must leave some time without maintenance: pause what is not to be watched",
  });

const cron = z
  .strictObject({
    /** Minute, hour, day of the month, month, day of the week, on the local clock. */
    expression: z
      .string()
      .max(200)
      .superRefine((text, context) => {
        const rule = brokenRule(text);
        if (rule !== null) context.addIssue({ code: "custom", message: rule });
      }),
    duration: duration(MINUTE_MS, MAX_DURATION_MS),
    timeZone,
  })
  .transform(({ duration: durationMs, ...rest }) => ({ ...rest, durationMs }));

/** When it is: one of three ways to say so. */
const when = z
  .strictObject({ once: once.optional(), weekly: weekly.optional(), cron: cron.optional() })
  .transform((given, context): When => {
    const [first, ...more] = [
      given.once && { once: given.once },
      given.weekly && { weekly: given.weekly },
      given.cron && { cron: given.cron },
    ].filter((one) => one !== undefined);
    if (first !== undefined && more.length === 0) return first;
    context.addIssue({ code: "custom", message: "must hold one of once, weekly and cron" });
    return z.NEVER;
  });

export type Once = z.output<typeof once>;
export type Weekly = z.output<typeof weekly>;
export type CronTimes = z.output<typeof cron>;
export type When = { readonly once: Once } | { readonly weekly: Weekly } | { readonly cron: CronTimes };

/** Time in which trouble is expected, as the API takes it: it is checked on, and nobody is told. */
export const windowDocument = z.strictObject({
  name: line(200).min(1, "must not be empty"),
  enabled: z.boolean().default(true),
  /** Which monitors; one that fits any of the lists, and all when there is none. */
  monitors: list(z.string().regex(/^mon_[0-9a-z]{20}$/, "must be a monitor's id")),
  tags: list(line(64).min(1, "must not be empty")),
  types: list(z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/, "must be a type of monitors")),
  reason: line(2_000).default(""),
  when,
});

/** A window as its document says, with instants and durations in ms and every default filled in. */
export type WindowSpec = z.output<typeof windowDocument>;
/** The document as a person may write it. */
export type WindowDocument = z.input<typeof windowDocument>;

/** A stored window. */
export interface MaintenanceWindow extends WindowSpec {
  readonly id: string;
  /** In ms since the epoch, as all times are. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** The document of a window as the API returns it: it can be sent back as it is. */
export function toWindowDocument({ name, enabled, monitors, tags, types, reason, when }: WindowSpec): WindowDocument {
  return { name, enabled, monitors, tags, types, reason, when: toWhen(when) };
}

function toWhen(when: When): WindowDocument["when"] {
  if ("once" in when) return { once: { from: isoTime(when.once.from), to: isoTime(when.once.to) } };
  if ("weekly" in when) return when;
  const { durationMs, ...rest } = when.cron;
  return { cron: { ...rest, duration: formatDuration(durationMs) } };
}

/** The rule that an expression breaks; null when it is good. */
function brokenRule(expression: string): string | null {
  try {
    const isEver = new Cron(expression, { mode: "5-part", timezone: "UTC", paused: true }).nextRun() !== null;
    return isEver ? null : "must come round some day";
  } catch {
    return "must be five cron fields: minute, hour, day of the month, month, day of the week";
  }
}
