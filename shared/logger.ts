import type { Logger } from "pino";
import { pino } from "pino";

export type { Logger };

export const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Fields that may carry a secret, wherever they stand in a logged object. */
const secretFields = ["password", "token", "secret", "authorization", "connectionString"];

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Which program speaks, such as `coordinator` or `agent`. */
  readonly name: string;
  /** Facts repeated on every line, such as the region. */
  readonly fields?: Readonly<Record<string, string>>;
}

/** One JSON object per line on standard output; fields that may hold secrets are redacted. */
export function createLogger({ level, name, fields }: LoggerOptions): Logger {
  return pino({
    level,
    base: { name, ...fields },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`]), censor: "[redacted]" },
  });
}
