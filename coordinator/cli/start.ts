import { Command } from "commander";
import { ConfigError, errorText } from "../../shared/errors.ts";
import { runAllInOne } from "./start/run.ts";

/** `watchpost start`: everything on this machine, with nothing else installed. */
export function startCommand(): Command {
  return new Command("start")
    .description(
      "Run everything on this machine: databases, queues, coordinator and three agents, with nothing else installed",
    )
    .option("--no-demo", "do not make demo monitors in a new data directory")
    .addHelpText(
      "after",
      `
Environment (also from .env in the working directory):
  WATCHPOST_DATA         where everything is kept, ./.watchpost when not set
  PORT, HOST             where the coordinator listens, 8080 on 127.0.0.1
  WATCHPOST_ADMIN_TOKEN  the admin token; else made at the first start and kept
                         in the file admin-token of the data directory
  DATABASE_URL, CLICKHOUSE_URL, REDIS_URL (or REDIS_HOST, …)
                         servers to use instead of starting private ones

Exit codes: 0 stopped as asked; 1 failed; 2 cannot work as configured.`,
    )
    .action(async ({ demo }: { demo: boolean }) => {
      // Whatever still hangs after the stop is not waited for: it ends with this process.
      process.exit(await run(demo));
    });
}

async function run(demo: boolean): Promise<number> {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      // Asked twice: at once. The children notice that we are gone.
      if (stop.signal.aborted) process.exit(1);
      stop.abort();
    });
  }
  // A terminal or pipe that is gone is no reason to stop.
  process.stdout.on("error", () => undefined);
  try {
    await runAllInOne({
      env: process.env,
      demo,
      out: (line) => process.stdout.write(`${line}\n`),
      signal: stop.signal,
    });
    return 0;
  } catch (thrown) {
    const wrongSetup = thrown instanceof ConfigError;
    process.stderr.write(
      `watchpost: ${wrongSetup ? errorText(thrown) : thrown instanceof Error ? thrown.message : errorText(thrown)}\n`,
    );
    return wrongSetup ? 2 : 1;
  }
}
