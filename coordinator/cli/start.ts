import type { Command } from "commander";
import { ConfigError, errorText, isBug } from "../../shared/errors.ts";
import { onStopSignal } from "../../shared/program.ts";
import { CommandFailure } from "./failure.ts";
import type { Terminal } from "./terminal.ts";

const help = `
Environment (also from .env in the working directory):
  WATCHPOST_DATA         where everything is kept, ./.watchpost when not set
  PORT, HOST             where the coordinator listens, 8080 on 127.0.0.1
  WATCHPOST_ADMIN_TOKEN  the admin token; else made at the first start and kept
                         in the file admin-token of the data directory
  DATABASE_URL, CLICKHOUSE_URL, REDIS_URL (or REDIS_HOST, …)
                         servers to use instead of starting private ones

Exit codes: 0 stopped as asked; 1 failed; 2 cannot work as configured.`;

/** `watchpost start`: everything on this machine, with nothing else installed. */
export function addStart(parent: Command, terminal: Terminal): void {
  parent
    .command("start")
    .description("Run everything on this machine: databases, queues, a coordinator and three agents")
    .option("--no-demo", "make no demo monitors in a new data directory")
    .addHelpText("after", help)
    .action(async ({ demo }: { demo: boolean }) => {
      // Loads much that no other command wants.
      const { runAllInOne } = await import("./start/run.ts");
      const { env } = terminal;
      const stop = new AbortController();
      onStopSignal(() => stop.abort());
      try {
        await runAllInOne({ env, demo, out: (line) => terminal.out(`${line}\n`), signal: stop.signal });
      } catch (thrown) {
        if (thrown instanceof ConfigError || isBug(thrown)) throw thrown;
        throw new CommandFailure(1, errorText(thrown));
      }
      // Whatever still hangs after the stop is not waited for: it ends with this process.
      process.exit(0);
    });
}
