import type { BlockList } from "node:net";
import type { Setting, ValuesOf } from "../shared/env.ts";
import { absolutePaths, readSettings, secret, someOf, text, url, wholeNumber } from "../shared/env.ts";
import { ConfigError } from "../shared/errors.ts";
import { programSettings } from "../shared/program-settings.ts";
import type { QueueServer } from "../shared/queues.ts";
import { queueServerFrom, queueSettings } from "../shared/queues.ts";
import type { CertificateFiles } from "./http/certificate.ts";
import { parseProxies, proxiesForm } from "./http/trusted-proxies.ts";
import type { SecretKey } from "./secrets/keys.ts";
import { keysForm, parseKeys } from "./secrets/keys.ts";

/** Every setting of the coordinator. */
export const coordinatorSettings = {
  port: wholeNumber({
    variable: "PORT",
    min: 0,
    max: 65_535,
    fallback: 8080,
    about: "The port of the HTTP server; 0 takes a free one.",
  }),
  host: text({ variable: "HOST", fallback: "127.0.0.1", about: "The address that the HTTP server listens on." }),
  tlsCert: text({
    variable: "TLS_CERT",
    form: "a file",
    fallback: null,
    about:
      "The certificate (PEM, with those between it and its authority) to serve HTTPS with, TLS 1.2 at least; with TLS_KEY. A new one is shown from the moment it is there. Not set: plain HTTP, for a reverse proxy.",
  }),
  tlsKey: text({ variable: "TLS_KEY", form: "a file", fallback: null, about: "The key of that certificate, in PEM." }),
  trustedProxies: {
    variable: "WATCHPOST_TRUSTED_PROXIES",
    about: "The reverse proxies whose X-Forwarded-For is believed, for limits and the audit log.",
    form: proxiesForm,
    fallback: null,
    read: parseProxies,
  } as Setting<BlockList | null>,
  databaseUrl: url({
    variable: "DATABASE_URL",
    schemes: ["postgres", "postgresql"],
    fallback: null,
    about: "PostgreSQL 14+: monitors, regions, agents, statuses. Required.",
  }),
  clickhouseUrl: url({
    variable: "CLICKHOUSE_URL",
    schemes: ["http", "https"],
    fallback: null,
    about: "ClickHouse's HTTP interface, with user, password and database in the URL: every result. Required.",
  }),
  ...queueSettings,
  adminToken: secret({
    variable: "WATCHPOST_ADMIN_TOKEN",
    about: "The bearer token of the API. Required.",
  }),
  agentToken: secret({
    variable: "WATCHPOST_AGENT_TOKEN",
    about:
      "The token that agents present on their link which were not enrolled; without it, only enrolled agents link.",
  }),
  secretKeys: {
    variable: "WATCHPOST_KEY",
    about:
      "What secrets are sealed with at rest; of several keys the first seals, the others only open. Not set, and no file either: the file `key` in WATCHPOST_DATA, made at the first start.",
    form: keysForm,
    fallback: null,
    read: parseKeys,
  } as Setting<readonly SecretKey[] | null>,
  secretKeyFile: text({
    variable: "WATCHPOST_KEY_FILE",
    form: "a file",
    fallback: null,
    about: "The same from a file, one key per line; every coordinator of a deployment needs the same keys.",
  }),
  agentRedisUrl: url({
    variable: "WATCHPOST_AGENT_REDIS_URL",
    schemes: ["redis", "rediss"],
    fallback: null,
    about:
      "Redis as enrolled agents reach it by themselves, without user and password: each has its own. Not set: through the coordinator.",
  }),
  resultsTtlDays: wholeNumber({
    variable: "WATCHPOST_RESULTS_TTL_DAYS",
    min: 1,
    max: 3_650,
    unit: "days",
    fallback: 90,
    about: "How long single results are kept.",
  }),
  minutesTtlDays: wholeNumber({
    variable: "WATCHPOST_MINUTES_TTL_DAYS",
    min: 1,
    max: 3_650,
    unit: "days",
    fallback: 120,
    about: "How long figures per minute are kept; not less than single results.",
  }),
  hoursTtlDays: wholeNumber({
    variable: "WATCHPOST_HOURS_TTL_DAYS",
    min: 1,
    max: 3_650,
    unit: "days",
    fallback: 800,
    about: "How long figures per hour are kept; not less than those per minute.",
  }),
  daysTtlDays: wholeNumber({
    variable: "WATCHPOST_DAYS_TTL_DAYS",
    min: 1,
    max: 3_650,
    unit: "days",
    fallback: 3_650,
    about: "How long figures per day are kept; not less than those per hour.",
  }),
  dataDir: text({
    variable: "WATCHPOST_DATA",
    fallback: ".watchpost",
    about:
      "Where results are spooled while ClickHouse is away, and the key for secrets is kept; on a disk that outlives the process.",
  }),
  regionCleanS: wholeNumber({
    variable: "WATCHPOST_REGION_CLEAN_SECONDS",
    min: 1,
    max: 86_400,
    unit: "seconds",
    fallback: 120,
    about: "An impaired region has its vote back when nothing has spoken against it for so long.",
  }),
  spoolMaxMb: wholeNumber({
    variable: "WATCHPOST_SPOOL_MAX_MB",
    min: 1,
    max: 1_000_000,
    unit: "MB",
    fallback: 2_048,
    about: "How large that spool may become; results then wait in the queues.",
  }),
  spoolMaxAgeHours: wholeNumber({
    variable: "WATCHPOST_SPOOL_MAX_AGE_HOURS",
    min: 1,
    max: 8_760,
    unit: "hours",
    fallback: 168,
    about: "Spooled results that are older are given up.",
  }),
  roles: someOf({
    variable: "WATCHPOST_ROLES",
    values: ["schedule", "ingest", "api", "notify"],
    fallback: ["schedule", "ingest", "api", "notify"],
    about: "What this process does; all of it, unless the work is split over several. Agents link to those with api.",
  }),
  publicUrl: url({
    variable: "WATCHPOST_PUBLIC_URL",
    schemes: ["http", "https"],
    fallback: null,
    about: "Where people reach the dashboard: messages link to it.",
  }),
  notifyCommands: absolutePaths({
    variable: "WATCHPOST_NOTIFY_COMMANDS",
    about: "The executables that channels of the type command may run.",
  }),
  channelTimeoutS: wholeNumber({
    variable: "WATCHPOST_CHANNEL_TIMEOUT",
    min: 1,
    max: 600,
    fallback: 60,
    about:
      "How long a channel may take to answer a message, in seconds. What it does not answer by then may or may not have arrived.",
  }),
  agentReleases: text({
    variable: "WATCHPOST_AGENT_RELEASES",
    form: "a directory",
    fallback: null,
    about:
      "Where the agent's releases are that this coordinator gives to servers, one directory per version; when it is not set, where npm run build:agent puts them.",
  }),
  ...programSettings,
};

type Values = ValuesOf<typeof coordinatorSettings>;

export interface CoordinatorConfig extends Omit<Values, keyof typeof queueSettings | "tlsCert" | "tlsKey"> {
  /** The files to serve HTTPS with; null for plain HTTP. */
  readonly tls: CertificateFiles | null;
  readonly databaseUrl: string;
  readonly clickhouseUrl: string;
  readonly adminToken: string;
  readonly queueServer: QueueServer;
}

/** @throws ConfigError naming every variable that is missing or wrong. */
export function readConfig(env: NodeJS.ProcessEnv): CoordinatorConfig {
  const values = readSettings(coordinatorSettings, env);
  const { databaseUrl, clickhouseUrl, adminToken } = values;
  if (databaseUrl === null || clickhouseUrl === null || adminToken === null) {
    const required = { databaseUrl, clickhouseUrl, adminToken };
    const missing = Object.entries(required).filter(([, value]) => value === null);
    const names = missing.map(([key]) => coordinatorSettings[key as keyof typeof required].variable);
    throw new ConfigError(`${names.join(", ")} must be set`);
  }
  const { tlsCert: cert, tlsKey: key, ...others } = values;
  if ((cert === null) !== (key === null)) throw new ConfigError("TLS_CERT and TLS_KEY must be set together");
  const tls = cert !== null && key !== null ? { cert, key } : null;
  return { ...others, tls, databaseUrl, clickhouseUrl, adminToken, queueServer: queueServerFrom(values) };
}
