import { oneOf, text, url, wholeNumber } from "../../../shared/env.ts";
import { logLevels } from "../../../shared/logger.ts";
import { queueSettings } from "../../../shared/queues.ts";

/** The environment of `watchpost start`; what concerns its parts is passed on to them. */
export const startSettings = {
  dataDir: text({
    variable: "WATCHPOST_DATA",
    form: "a directory",
    fallback: "./.watchpost",
    about: "Where everything is kept.",
  }),
  port: wholeNumber({
    variable: "PORT",
    min: 0,
    max: 65_535,
    fallback: 8080,
    about: "The coordinator's port; 0 takes a free one.",
  }),
  host: text({ variable: "HOST", fallback: "127.0.0.1", about: "The address that the coordinator listens on." }),
  adminToken: text({
    variable: "WATCHPOST_ADMIN_TOKEN",
    pattern: /^[\x21-\x7e]{20,256}$/,
    rule: "must be 20 to 256 visible ASCII characters without spaces",
    fallback: null,
    about: "The bearer token of the API; made at the first start when it is not set.",
  }),
  agentToken: text({
    variable: "WATCHPOST_AGENT_TOKEN",
    pattern: /^[\x21-\x7e]{20,256}$/,
    rule: "must be 20 to 256 visible ASCII characters without spaces",
    fallback: null,
    about: "The token of the agents; made at the first start when it is not set.",
  }),
  databaseUrl: url({
    variable: "DATABASE_URL",
    schemes: ["postgres", "postgresql"],
    fallback: null,
    about: "A PostgreSQL server to use instead of starting one.",
  }),
  clickhouseUrl: url({
    variable: "CLICKHOUSE_URL",
    schemes: ["http", "https"],
    fallback: null,
    about: "A ClickHouse server to use instead of starting one.",
  }),
  ...queueSettings,
  logLevel: oneOf({
    variable: "LOG_LEVEL",
    values: logLevels,
    fallback: "info",
    about: "The least severe level in the log files.",
  }),
};
