import type { Check } from "../../shared/check.ts";

type CheckOf<T extends Check["type"]> = Extract<Check, { type: T }>;

/** What the changes of a test leave as it is. */
const common = {
  monitorId: "mon_1",
  round: 1,
  attempt: 0,
  scheduledAt: 0,
  expiresAt: Number.MAX_SAFE_INTEGER,
  timeoutMs: 5_000,
  assertions: [],
};

/** A check of a URL, with every default of a monitor. */
export function httpCheck(
  url: string,
  {
    timeoutMs,
    assertions,
    ...http
  }: Partial<CheckOf<"http">["http"]> & Partial<Pick<CheckOf<"http">, "timeoutMs" | "assertions">> = {},
): CheckOf<"http"> {
  return {
    ...common,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(assertions === undefined ? {} : { assertions }),
    type: "http",
    http: {
      url,
      method: "GET",
      headers: {},
      body: null,
      maxRedirects: 5,
      maxBodyBytes: 1_048_576,
      ipVersion: "any",
      ignoreTls: false,
      ...http,
    },
  };
}

/** A check of a port. */
export function tcpCheck(
  host: string,
  port: number,
  options: { timeoutMs?: number; ipVersion?: "any" | "4" | "6" } = {},
): CheckOf<"tcp"> {
  const { timeoutMs = common.timeoutMs, ipVersion = "any" } = options;
  return { ...common, timeoutMs, type: "tcp", tcp: { host, port, ipVersion } };
}
