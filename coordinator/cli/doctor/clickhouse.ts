import { errorText } from "../../../shared/errors.ts";
import { withDeadline } from "../../../shared/lifecycle.ts";
import { openClickHouse } from "../../store/clickhouse.ts";
import { type Finding, ok, trouble } from "./finding.ts";
import { explainUnreachable } from "./network-remedy.ts";

const DEADLINE_MS = 5_000;
const VARIABLE = "CLICKHOUSE_URL";

/** A ClickHouse at a URL: reached, credentials right, the database there. */
export async function checkClickHouseAt(check: string, url: string): Promise<Finding> {
  const clickhouse = openClickHouse(url);
  const { host, pathname } = new URL(url);
  try {
    // A ping is answered to anyone; a query shows that user, password and database are right.
    const asked = clickhouse.query({ query: "SELECT version() AS version", format: "JSONEachRow" });
    const answer = await withDeadline(asked, DEADLINE_MS, "no answer");
    const [row] = await answer.json<{ version: string }>();
    return ok(check, `ClickHouse ${row?.version ?? "of unknown version"} at ${host}`);
  } catch (thrown) {
    const { detail, remedy } = explain(thrown, pathname.slice(1));
    return trouble(check, `${host}: ${detail}`, remedy);
  } finally {
    await clickhouse.close();
  }
}

/** By ClickHouse's error codes; its source, src/Common/ErrorCodes.cpp. */
function explain(thrown: unknown, database: string): { detail: string; remedy: string } {
  switch ((thrown as { code?: string }).code) {
    case "192":
    case "193":
    case "194":
    case "516":
      return { detail: "user or password is wrong", remedy: `correct it in ${VARIABLE}` };
    case "81":
      return { detail: `the database ${database} does not exist`, remedy: `create it, or correct ${VARIABLE}` };
  }
  return (
    explainUnreachable(thrown, "ClickHouse", VARIABLE) ?? {
      detail: errorText(thrown),
      remedy: `check ${VARIABLE}: it is the HTTP interface that is meant, port 8123 as a rule`,
    }
  );
}
