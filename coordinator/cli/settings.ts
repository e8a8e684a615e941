import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readSettings, text, url, type ValuesOf, wholeNumber } from "../../shared/env.ts";

/** The environment of the commands that ask a running coordinator. */
export const settings = {
  url: url({
    variable: "WATCHPOST_URL",
    schemes: ["http", "https"],
    fallback: null,
    about: "The coordinator to ask; http://127.0.0.1 at PORT when it is not set.",
  }),
  port: wholeNumber({ variable: "PORT", min: 1, max: 65_535, fallback: 8080, about: "The coordinator's port." }),
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

/** @throws ConfigError when a variable is wrong. */
export function readAccess(env: NodeJS.ProcessEnv): Access {
  const values = readSettings(settings, env);
  return {
    url: (values.url ?? `http://127.0.0.1:${values.port}`).replace(/\/+$/, ""),
    token: values.token ?? tokenFile(values),
    dataDirectory: values.dataDirectory,
  };
}

function tokenFile({ dataDirectory }: ValuesOf<typeof settings>): string | null {
  try {
    return readFileSync(join(dataDirectory, "admin-token"), "utf8").trim() || null;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw thrown;
  }
}
