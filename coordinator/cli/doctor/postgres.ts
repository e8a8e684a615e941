import { errorText } from "../../../shared/errors.ts";
import { withDeadline } from "../../../shared/lifecycle.ts";
import { createLogger } from "../../../shared/logger.ts";
import { openPostgres } from "../../store/postgres.ts";
import { type Finding, ok, trouble } from "./finding.ts";
import { explainUnreachable } from "./network-remedy.ts";

const DEADLINE_MS = 5_000;
const OLDEST = 14;

/** A PostgreSQL at a URL: reached, credentials right, the database there, not too old. */
export async function checkPostgresAt(check: string, url: string, variable: string): Promise<Finding> {
  const postgres = openPostgres(url, createLogger({ level: "silent", name: "doctor" }));
  try {
    const asked = postgres.query<{ version: string }>("SELECT current_setting('server_version') AS version");
    const { rows } = await withDeadline(asked, DEADLINE_MS, "no answer");
    const version = rows[0]?.version ?? "";
    if (Number.parseInt(version, 10) >= OLDEST) return ok(check, `PostgreSQL ${version} at ${placeOf(url)}`);
    return trouble(check, `PostgreSQL ${version} is too old`, `upgrade it to ${OLDEST} or newer`);
  } catch (thrown) {
    const { detail, remedy } = explain(thrown, variable);
    return trouble(check, `${placeOf(url)}: ${detail}`, remedy);
  } finally {
    await postgres.end();
  }
}

/** By SQLSTATE; PostgreSQL's documentation, Appendix A. */
function explain(thrown: unknown, variable: string): { detail: string; remedy: string } {
  switch ((thrown as { code?: string }).code) {
    case "28P01":
      return { detail: "the password is wrong", remedy: `correct it in ${variable}` };
    case "28000":
      return { detail: errorText(thrown), remedy: `check the user in ${variable}, and pg_hba.conf of the server` };
    case "3D000":
      return { detail: "the database does not exist", remedy: `create it with \`createdb\`, or correct ${variable}` };
    case "53300":
      return { detail: "it has no connection to spare", remedy: "raise max_connections, or see who holds them" };
    case "57P03":
      return { detail: "it is starting or stopping", remedy: "try again in a moment" };
  }
  return (
    explainUnreachable(thrown, "PostgreSQL", variable) ?? { detail: errorText(thrown), remedy: `check ${variable}` }
  );
}

/** Host and database: never the credentials. */
function placeOf(url: string): string {
  const { host, pathname } = new URL(url);
  return host + pathname;
}
