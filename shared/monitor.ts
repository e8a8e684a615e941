import { z } from "zod";
import { formatDuration, parseDuration } from "./duration.ts";
import { isRegion, regionRule } from "./region.ts";
import { isSecretHeader } from "./secret-header.ts";

/** The shortest and the longest interval of a monitor, in ms. */
const MIN_INTERVAL_MS = 1_000;
const MAX_INTERVAL_MS = 86_400_000;
const DEFAULT_INTERVAL_MS = 60_000;
const DEFAULT_TIMEOUT_MS = 10_000;
/** The shortest timeout, in ms: below it every measurement would be of the agent. */
const MIN_TIMEOUT_MS = 100;
const MAX_TIMEOUT_MS = 120_000;
/** The most of a body that is read after decompression, in bytes. */
const MAX_BODY_BYTES = 10 * 1024 * 1024;

const duration = z.union([z.number(), z.string()]).transform((value, context) => {
  const ms = parseDuration(value);
  if (ms === null) {
    context.addIssue({ code: "custom", message: "must be a number of seconds or text such as 500ms, 30s, 5m, 1h" });
    return z.NEVER;
  }
  return ms;
});

const interval = duration.refine((ms) => ms >= MIN_INTERVAL_MS && ms <= MAX_INTERVAL_MS && ms % 1_000 === 0, {
  message: "must be whole seconds from 1s to 24h",
});
const timeout = duration.refine((ms) => ms >= MIN_TIMEOUT_MS && ms <= MAX_TIMEOUT_MS, {
  message: `must be from ${formatDuration(MIN_TIMEOUT_MS)} to ${formatDuration(MAX_TIMEOUT_MS)}`,
});

const region = z.string().refine(isRegion, { message: regionRule });
const regions = z.union([
  z.literal("all"),
  z
    .array(region)
    .min(1)
    .max(100)
    .refine((list) => new Set(list).size === list.length, { message: "must not name a region twice" }),
]);

const quorum = z.union([z.enum(["any", "majority", "all"]), z.int().min(1).max(100)]);

/** Header names are tokens, RFC 9110 §5.6.2; values hold no line breaks, RFC 9110 §5.5. */
const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/, "must be a header name");
/** What frames the request is the agent's to set (RFC 9110 §7.6.1, RFC 9112 §6). */
const framing =
  /^(connection|content-length|expect|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/i;
const requestHeaderName = headerName.refine((name) => !framing.test(name), {
  message: "must not be a header that the agent sets itself",
});
const headerValue = z
  .string()
  .max(8_192)
  .regex(/^[\P{Cc}\t]*$/u, "must not hold control characters");

/** A value that is kept sealed and never told again: its text, or `true` for the one that is stored already. */
const secretOf = (text: z.ZodString) =>
  z.strictObject({ secret: z.union([z.literal(true), text.min(1, "must not be empty")]) });
const requestHeader = z.union([headerValue, secretOf(headerValue)]);
const requestHeaders = z
  .record(requestHeaderName, requestHeader)
  .superRefine((headers, context) => {
    for (const [name, value] of Object.entries(headers)) {
      if (typeof value === "string" || name.toLowerCase() !== "host") continue;
      context.addIssue({ code: "custom", path: [name], message: "must not be secret: it says where the request goes" });
    }
  })
  .transform(withSecretsMarked);

type HeaderValue = z.output<typeof requestHeader>;

/** What is a secret by its nature is kept as one, however it was written. */
function withSecretsMarked(headers: Readonly<Record<string, HeaderValue>>): Record<string, HeaderValue> {
  const marked = Object.entries(headers).map(([name, value]): [string, HeaderValue] => [
    name,
    typeof value === "string" && value !== "" && isSecretHeader(name) ? { secret: value } : value,
  ]);
  return Object.fromEntries(marked);
}

const bodyText = z.string().max(65_536);

const httpUrl = z
  .string()
  .max(4_096)
  .refine((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), {
    message: "must be an http:// or https:// URL",
  })
  .refine((value) => !URL.canParse(value) || new URL(value).username === "", {
    message: "must not hold a user name or password: send an authorization header",
  });

const httpSettings = z.strictObject({
  url: httpUrl,
  method: z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]).default("GET"),
  headers: requestHeaders.prefault({}),
  body: z
    .union([bodyText, secretOf(bodyText)])
    .nullable()
    .default(null),
  /** How many redirects are followed; 0 takes the first response as it is. */
  maxRedirects: z.int().min(0).max(20).default(5),
  /** How much of the body is read, after decompression, in bytes. */
  maxBodyBytes: z.int().min(0).max(MAX_BODY_BYTES).default(1_048_576),
  ipVersion: z.enum(["any", "4", "6"]).default("any"),
  ignoreTls: z.boolean().default(false),
});

const tcpSettings = z.strictObject({
  host: z
    .string()
    .max(253, "must be at most 253 characters")
    .regex(/^[A-Za-z0-9._:%-]+$/, "must be a host name or an IP address"),
  port: z.int().min(1, "must be from 1 to 65535").max(65_535, "must be from 1 to 65535"),
  ipVersion: z.enum(["any", "4", "6"]).default("any"),
});

const level = z.enum(["down", "degraded"]).default("down");
const numeric = z.enum(["eq", "ne", "lt", "lte", "gt", "gte"]);
const textual = z.enum(["eq", "ne", "contains", "not_contains", "starts_with", "ends_with", "empty", "not_empty"]);

/** What must hold for a check to be `up`; `level` says what the result is when it does not. */
const assertion = z.discriminatedUnion("source", [
  z.strictObject({ source: z.literal("status"), op: numeric, value: z.int().min(0).max(999), level }),
  z.strictObject({ source: z.literal("latencyMs"), op: numeric, value: z.number().min(0), level }),
  z.strictObject({ source: z.literal("bodyBytes"), op: numeric, value: z.int().min(0), level }),
  z.strictObject({ source: z.literal("body"), op: textual, value: z.string().max(8_192).default(""), level }),
  z.strictObject({
    source: z.literal("header"),
    name: headerName,
    op: textual,
    value: z.string().max(8_192).default(""),
    level,
  }),
]);

const tag = z.string().regex(/^[\p{L}\p{N}][\p{L}\p{N}._:/-]{0,63}$/u, "must be 1 to 64 letters, digits and . _ : / -");
const monitorId = z.string().regex(/^mon_[0-9a-z]{20}$/, "must be a monitor's id");
const noneTwice = (list: readonly string[]) => new Set(list).size === list.length;

const common = {
  name: z.string().trim().min(1, "must not be empty").max(200, "must be at most 200 characters"),
  interval: interval.default(DEFAULT_INTERVAL_MS),
  timeout: timeout.optional(),
  regions: regions.default("all"),
  quorum: quorum.default("majority"),
  enabled: z.boolean().default(true),
  /** Spreads the regions over the interval; off, they check at the same instant. */
  stagger: z.boolean().default(true),
  assertions: z.array(assertion).max(50).default([]),
  /** What alert rules and maintenance windows choose monitors by. */
  tags: z.array(tag).max(50).refine(noneTwice, { message: "must not name a tag twice" }).default([]),
  /** Monitors without which this one cannot work: while one of them is down nobody is told of this one. */
  dependsOn: z.array(monitorId).max(20).refine(noneTwice, { message: "must not name a monitor twice" }).default([]),
  /** The share of time that it is to be up over 30 days, in percent; null for no objective. */
  slo: z.number().min(50, "must be from 50 to 100").max(100, "must be from 50 to 100").nullable().default(null),
};

/** PostgreSQL takes neither in JSON (its manual, "JSON Types"), nor do queues that live there. */
export const unstorable = /[\0\p{Surrogate}]/u;
export const unstorableRule = "must not hold NUL or half of a surrogate pair";

/** Where in a document stands text that cannot be stored. */
function unstorablePaths(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value === "string") return unstorable.test(value) ? [[...path]] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => unstorablePaths(inner, [...path, key]));
}

/** A monitor's document as the API and `apply` take it; one member per type. */
export const monitorDocument = z
  .discriminatedUnion("type", [
    z.strictObject({ ...common, type: z.literal("http"), http: httpSettings }),
    z.strictObject({ ...common, type: z.literal("tcp"), tcp: tcpSettings }),
  ])
  .superRefine((monitor, context) => {
    for (const path of unstorablePaths(monitor)) {
      context.addIssue({ code: "custom", path, message: unstorableRule });
    }
    if (monitor.timeout !== undefined && monitor.timeout > monitor.interval) {
      context.addIssue({ code: "custom", path: ["timeout"], message: "must be at most the interval" });
    }
    if (monitor.type === "http") return;
    for (const [index, { source }] of monitor.assertions.entries()) {
      if (source === "latencyMs") continue;
      context.addIssue({
        code: "custom",
        path: ["assertions", index, "source"],
        message: `must be latencyMs: a ${monitor.type} check has no ${source}`,
      });
    }
  })
  .transform(({ interval, timeout, ...rest }) => ({
    ...rest,
    intervalMs: interval,
    timeoutMs: timeout ?? Math.min(DEFAULT_TIMEOUT_MS, interval),
  }));

/** What a request is made of, as the agent gets it. */
export type HttpSettings = HttpWith<string>;
/** A value as it is stored: sealed, and since which revision it is this one. */
export interface StoredSecret {
  readonly sealed: string;
  readonly since: number;
}
type HttpWith<Value> = Omit<GivenHttp, "headers" | "body"> & {
  headers: Record<string, Value>;
  body: Value | null;
};
export type GivenHttp = z.output<typeof httpSettings>;
export type StoredHttp = HttpWith<string | StoredSecret>;
export type TcpSettings = z.output<typeof tcpSettings>;
export type Assertion = z.output<typeof assertion>;
export type Quorum = z.output<typeof quorum>;
export const quorumRule = "must be any, majority, all or a number of regions from 1 to 100";

/** A quorum as people write it in a command or a query; null when it is none. */
export function readQuorum(text: string): Quorum | null {
  return quorum.safeParse(/^\d+$/.test(text) ? Number(text) : text).data ?? null;
}

/** What to watch, as a document gives it, with durations in ms and every default filled in. */
export type GivenMonitor = z.output<typeof monitorDocument>;
type Stored<Given> = Given extends { readonly http: GivenHttp } ? Omit<Given, "http"> & { http: StoredHttp } : Given;
/** The same as it is stored: its secrets are sealed. */
export type MonitorSpec = Stored<GivenMonitor>;
export type MonitorType = MonitorSpec["type"];
/** The document as a person may write it. */
export type MonitorDocument = z.input<typeof monitorDocument>;

/** A stored monitor. */
export type Monitor = MonitorSpec & {
  readonly id: string;
  /** Counts its versions from 1. */
  readonly revision: number;
  /** When this revision was made, in ms since the epoch, by the database's clock. */
  readonly updatedAt: number;
  readonly createdAt: number;
};

/** The document of a monitor as the API returns it: it can be sent back as it is, and keeps its secrets then. */
export function toDocument(spec: MonitorSpec): MonitorDocument {
  const { intervalMs, timeoutMs, ...rest } = spec;
  const times = { interval: formatDuration(intervalMs), timeout: formatDuration(timeoutMs) };
  if (rest.type !== "http") return { ...rest, ...times };
  const { headers, body } = rest.http;
  const shown = Object.entries(headers).map(([name, value]) => [name, withoutSecret(value)]);
  return {
    ...rest,
    ...times,
    http: { ...rest.http, headers: Object.fromEntries(shown), body: body && withoutSecret(body) },
  };
}

function withoutSecret(value: string | StoredSecret): string | { readonly secret: true } {
  return typeof value === "string" ? value : { secret: true };
}
