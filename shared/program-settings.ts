import { oneOf, wholeNumber } from "./env.ts";
import { logLevels } from "./logger.ts";

/** The settings that every program of ours has, the same for coordinator and agent. */
export const programSettings = {
  startupTimeoutS: wholeNumber({
    variable: "WATCHPOST_STARTUP_TIMEOUT",
    min: 1,
    max: 3_600,
    unit: "seconds",
    fallback: 60,
    about: "How long to wait at the start for the servers that are needed.",
  }),
  logLevel: oneOf({
    variable: "LOG_LEVEL",
    values: logLevels,
    fallback: "info",
    about: "The least severe level that is logged.",
  }),
};
