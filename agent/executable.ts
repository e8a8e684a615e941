import { listSettings } from "../shared/list-settings.ts";
import { readVersion } from "../shared/version.ts";
import { agentSettings } from "./config.ts";
import { runEnroll } from "./enroll-command.ts";
import { runAgent } from "./run-agent.ts";

const USAGE = `Usage: watchpost-agent [run]
       watchpost-agent enroll --coordinator URL --token-file FILE --output FILE

Performs the checks of one region, configured by its environment.

Commands:
  run         perform checks until told to stop; what it does when nothing is asked of it
  enroll      make this machine an agent, with an enrolment token; \`enroll --help\` tells more

Options:
  --version   print the version
  --help      print this
`;

const exitCode = answer(process.argv.slice(2));
if (exitCode !== null) process.exitCode = exitCode;

/**
 * The agent's command line where it is one executable. A `.env` of the working directory
 * is not read: root runs this program, and in any directory.
 * @returns the exit code, or null when it is not known yet: 0 fine, 2 the call was wrong.
 */
function answer(args: readonly string[]): number | null {
  const [command = "run", ...rest] = args;
  if (command === "--version" && rest.length === 0) {
    process.stdout.write(`${readVersion()}\n`);
    return 0;
  }
  if (command === "enroll") {
    void runEnroll(rest, "watchpost-agent enroll").then((code) => {
      process.exitCode = code;
    });
    return null;
  }
  if (command === "--help" || rest.includes("--help")) {
    process.stdout.write(`${USAGE}\nEnvironment:\n${listSettings(agentSettings)}`);
    return 0;
  }
  if (command === "run" && rest.length === 0) {
    // The executable has Node's options inside, and takes no others.
    void runAgent({ module: "run", execArgv: [] });
    return null;
  }
  process.stderr.write(`watchpost-agent: "${args.join(" ")}" is no command\n\n${USAGE}`);
  return 2;
}
