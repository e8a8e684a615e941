import { z } from "zod";
import { checkErrorCodes } from "../../../shared/errors.ts";
import { phaseNames, resultStatuses } from "../../../shared/result.ts";
import { troubleKinds, troubleResolutions } from "../../agents/trouble.ts";
import { closingReasons } from "../../incidents/follow.ts";
import { incidentKinds } from "../../incidents/incident.ts";
import { verdicts } from "../../verdict/verdict.ts";
import { type Notice, type NoticeIncident, noticeEvents, severities } from "../notice.ts";
import { clean, linkOf, plainId, shorten } from "./text.ts";

/** Monitors and regions beyond this many are not listed. */
const MAX_LISTED = 100;
const MAX_LINES = 200;
/** No text is longer, in UTF-16 code units. */
const MAX_TEXT = 1_000;

const instant = z.iso.datetime().describe("ISO 8601, UTC");
const text = z.string().max(MAX_TEXT);

/**
 * A notice as programs get it, by webhook and by command. Fields and types may be added
 * under the same version; none changes its meaning or goes away.
 */
export const noticeDocument = z
  .object({
    v: z.literal(1).describe("The version of this document."),
    id: text.describe("One per event and delivery, the same for every try: know repetitions by it."),
    type: z.enum(noticeEvents).describe("What happened."),
    timestamp: instant.describe("When it happened."),
    data: z.object({
      severity: z.enum(severities).describe("`ok` ends what an earlier notice of the same key began."),
      key: text.describe("What it is about, the same for a beginning, its reminders and its end."),
      keys: z
        .array(text)
        .max(MAX_LISTED)
        .describe("The keys of all that it is about: several where one message tells of many at once."),
      title: text.describe("One line that says it all."),
      lines: z.array(text).max(MAX_LINES).describe("The details as plain text, one fact per line."),
      repeat: z.int().min(0).describe("0 for the first telling, n for the n-th reminder."),
      url: z.string().nullable().describe("The page of the incident or monitor."),
      monitorCount: z.int().min(0).describe("How many monitors it is about."),
      monitors: z
        .array(z.object({ id: text, name: text, type: text, target: text, verdict: z.enum(verdicts) }))
        .max(MAX_LISTED)
        .describe("The first of them."),
      incident: z
        .object({
          id: text,
          kind: z.enum(incidentKinds),
          startedAt: instant.describe("The first check that failed."),
          detectedAt: instant,
          confirmedAt: instant,
          recoveredAt: instant.nullable(),
          durationMs: z
            .number()
            .min(0)
            .nullable()
            .describe("Until it recovered, or was not watched any more; null while neither is so."),
        })
        .nullable()
        .describe("The first, where it is about several."),
      trouble: z
        .object({
          id: text,
          kind: z.enum(troubleKinds),
          region: text,
          agentId: text.nullable().describe("Null when it is about the region."),
          since: instant,
          resolvedAt: instant.nullable(),
          resolution: z
            .enum(troubleResolutions)
            .nullable()
            .describe("`gone` when there is nobody left whom it could be about; null while it lasts."),
        })
        .nullable()
        .describe("What is wrong with an agent, or with a region's agents."),
      closed: z
        .object({
          reason: z.enum(closingReasons),
          by: text.nullable().describe("Who did it: `admin`, or the name of an API token; null where nobody knows."),
        })
        .nullable()
        .describe("Why what was in trouble is not watched any more; null while it is."),
      evidence: z
        .array(
          z.object({
            region: text,
            status: z.enum(resultStatuses),
            error: z.object({ code: z.enum(checkErrorCodes), message: text }).nullable(),
            phase: z.enum(phaseNames).nullable(),
            address: text.nullable(),
            latencyMs: z.number().min(0).nullable(),
          }),
        )
        .max(MAX_LISTED)
        .describe("What each region saw."),
    }),
  })
  .describe("A notice of Watchpost, as webhooks and commands get it.");

export type NoticeDocument = z.output<typeof noticeDocument>;

export function toDocument(notice: Notice): NoticeDocument {
  return {
    v: 1,
    id: plainId(notice.id),
    type: notice.event,
    timestamp: iso(notice.at),
    data: {
      severity: notice.severity,
      key: plainId(notice.key),
      keys: (notice.keys ?? [notice.key]).slice(0, MAX_LISTED).map((key) => plainId(key)),
      title: brief(notice.title),
      lines: notice.lines.slice(0, MAX_LINES).map(brief),
      repeat: notice.repeat,
      url: linkOf(notice),
      monitorCount: notice.monitors.length,
      monitors: notice.monitors.slice(0, MAX_LISTED).map(({ id, name, type, target, verdict }) => ({
        id,
        name: brief(name),
        type,
        target: brief(target),
        verdict,
      })),
      incident: notice.incident && incidentOf(notice.incident),
      trouble: notice.trouble && {
        ...notice.trouble,
        since: iso(notice.trouble.since),
        resolvedAt: notice.trouble.resolvedAt === null ? null : iso(notice.trouble.resolvedAt),
      },
      closed: notice.closed ? { reason: notice.closed.reason, by: notice.closed.by && brief(notice.closed.by) } : null,
      evidence: notice.evidence.slice(0, MAX_LISTED).map(({ region, status, errorCode, errorMessage, ...seen }) => ({
        region,
        status,
        error: errorCode && { code: errorCode, message: brief(errorMessage ?? "") },
        phase: seen.phase,
        address: seen.address,
        latencyMs: seen.latencyMs,
      })),
    },
  };
}

function incidentOf({ id, kind, startedAt, detectedAt, confirmedAt, recoveredAt, durationMs }: NoticeIncident) {
  return {
    id,
    kind,
    startedAt: iso(startedAt),
    detectedAt: iso(detectedAt),
    confirmedAt: iso(confirmedAt),
    recoveredAt: recoveredAt === null ? null : iso(recoveredAt),
    durationMs,
  };
}

const brief = (value: string): string => shorten(clean(value), MAX_TEXT);
const iso = (ms: number): string => new Date(ms).toISOString();
