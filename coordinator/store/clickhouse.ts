import type { ClickHouseClient } from "@clickhouse/client";
import { ClickHouseError, ClickHouseLogLevel, createClient } from "@clickhouse/client";

export type ClickHouse = ClickHouseClient;

/** No query or insert may take longer, in ms. */
const REQUEST_TIMEOUT_MS = 30_000;

/** A client of ClickHouse's HTTP interface. Nothing connects before the first request. */
export function openClickHouse(url: string): ClickHouse {
  return createClient({
    url,
    application: "watchpost",
    request_timeout: REQUEST_TIMEOUT_MS,
    max_open_connections: 10,
    compression: { request: true, response: false },
    // What fails is thrown; the client's own lines are no JSON and would stand between the log's.
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: { date_time_input_format: "best_effort" },
  });
}

/**
 * Whether ClickHouse answered that it cannot read what it was sent: no repetition
 * mends that. The codes are those of its ErrorCodes.cpp for input that cannot be parsed.
 */
export function isRefusal(thrown: unknown): boolean {
  return thrown instanceof ClickHouseError && unreadable.has(thrown.code);
}

const unreadable: ReadonlySet<string> = new Set(["6", "26", "27", "38", "41", "53", "69", "72", "117", "131", "349"]);
