import { z } from "zod";
import { formatDuration } from "../../shared/duration.ts";
import { duration } from "../fields.ts";
import { DAY_MS } from "../local-time.ts";
import { ruleEvents, severities } from "./notice.ts";
import { quietHours } from "./quiet-hours.ts";

const ids = (prefix: string) =>
  z
    .array(z.string().regex(new RegExp(`^${prefix}_[0-9a-z]{20}$`), `must be an id such as ${prefix}_…`))
    .max(1_000)
    .refine((list) => new Set(list).size === list.length, { message: "must not name one twice" });

/** Who is told of what, when and how often; as the API takes it. */
export const alertRuleDocument = z
  .strictObject({
    name: z.string().trim().min(1, "must not be empty").max(200, "must be at most 200 characters"),
    enabled: z.boolean().default(true),
    /** Which monitors; one that fits any of the lists, and all when there is none. */
    monitors: ids("mon").default([]),
    tags: z.array(z.string().min(1).max(64)).max(100).default([]),
    types: z.array(z.string().min(1).max(32)).max(50).default([]),
    events: z.array(z.enum(ruleEvents)).min(1).default(["down", "up"]),
    /** Trouble that is over before this is not told. */
    delay: duration(0, DAY_MS).default(0),
    /** How long to wait for more of the same, so that many monitors make one message. */
    group: duration(0, 600_000).default(2_000),
    /** Told again so often until it is acknowledged or over; null for once. */
    repeat: duration(60_000, 7 * DAY_MS)
      .nullable()
      .default(null),
    quietHours: quietHours.nullable().default(null),
    /** Severities that are told in quiet hours too. */
    urgent: z.array(z.enum(severities)).default(["critical"]),
    /** Whom to tell at once, and whom if it has not been acknowledged nor ended by then. */
    steps: z
      .array(z.strictObject({ after: duration(0, 7 * DAY_MS).default(0), channels: ids("chn").min(1) }))
      .min(1)
      .max(10),
  })
  .superRefine(({ steps }, context) => {
    for (const [index, { after }] of steps.entries()) {
      if (index === 0 || after > (steps[index - 1]?.after ?? 0)) continue;
      context.addIssue({
        code: "custom",
        path: ["steps", index, "after"],
        message: "must be later than the step before",
      });
    }
  })
  .transform(({ delay, group, repeat, steps, ...rest }) => ({
    ...rest,
    delayMs: delay,
    groupMs: group,
    repeatMs: repeat,
    steps: steps.map(({ after, channels }) => ({ afterMs: after, channels })),
  }));

export type AlertRuleSpec = z.output<typeof alertRuleDocument>;
export interface AlertRule extends AlertRuleSpec {
  readonly id: string;
}

/** The document of a rule as the API returns it: it can be sent back as it is. */
export function toRuleDocument({ delayMs, groupMs, repeatMs, steps, ...rest }: AlertRuleSpec) {
  return {
    ...rest,
    delay: formatDuration(delayMs),
    group: formatDuration(groupMs),
    repeat: repeatMs === null ? null : formatDuration(repeatMs),
    steps: steps.map(({ afterMs, channels }) => ({ after: formatDuration(afterMs), channels })),
  };
}
