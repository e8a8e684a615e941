import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readSettings, text, url, wholeNumber } from "../../shared/env.ts";
import { ConfigError } from "../../shared/errors.ts";

/** The environment of the commands that ask a running coordinator. */
export const settings = {
  url: url({
    variable: "WATCHPOST_URL",
    schemes: ["http", "https"],
    fallback: null,
    about: "The coordinator to ask; when it is not set, http://127.0.0.1 at PORT, or where WATCHPOST_DATA says.",
  }),
  port: wholeNumber({ variable: "PORT", min: 1, max: 65_535, fallback: null, about: "The coordinator's port." }),
  token: text({
    variable: "WATCHPOST_TOKEN",
    fallback: null,
    about: "The admin token; when it is not set, the file admin-token in WATCHPOST_DATA.",
  }),
  dataDirectory: text({
    variable: "WATCHPOST_DATA",
    form: "a directory",
    fallback: "./.watchpost",
    about: "Where `watchpost start` keeps its data and the admin token.",
  }),
};

/** Where the coordinator is, and what opens it. */
export interface Access {
  /** Without a slash at the end. */
  readonly url: string;
  /** Null when neither the environment nor the data directory has one. */
  readonly token: string | null;
  readonly dataDirectory: string;
}

const DEFAULT_URL = "http://127.0.0.1:8080";

/** @throws ConfigError when a variable is wrong, or what is kept is not for this user. */
export function readAccess(env: NodeJS.ProcessEnv): Access {
  const { url, port, token, dataDirectory } = readSettings(settings, env);
  const local = port === null ? null : `http://127.0.0.1:${port}`;
  return {
    url: (url ?? local ?? readKept(dataDirectory, "url") ?? DEFAULT_URL).replace(/\/+$/, ""),
    token: token ?? readKept(dataDirectory, "admin-token"),
    dataDirectory,
  };
}

/** What `watchpost start` keeps in a file of its data directory for the commands beside it. */
function readKept(dataDirectory: string, file: string): string | null {
  const path = join(dataDirectory, file);
  try {
    return readFileSync(path, "utf8").trim() || null;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new ConfigError(`${path} cannot be read (${code}): set WATCHPOST_URL and WATCHPOST_TOKEN`);
  }
}
