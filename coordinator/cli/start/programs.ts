import { errorText } from "../../../shared/errors.ts";
import { agentProgram } from "../agent-program.ts";
import { type ChildProgram, startChildProgram } from "./child-program.ts";
import type { DataDir } from "./data-dir.ts";
import { openLogFile } from "./log-file.ts";

/** What an agent has no use for, and an agent that is taken over even less. */
const notForAgents = [
  "WATCHPOST_ADMIN_TOKEN",
  "WATCHPOST_KEY",
  "WATCHPOST_KEY_FILE",
  "DATABASE_URL",
  "CLICKHOUSE_URL",
  "HOST",
  "PORT",
];

export interface ProgramsOptions {
  /** The environment that all of them share. */
  readonly env: NodeJS.ProcessEnv;
  readonly dir: DataDir;
  /** Told of what goes wrong, and at whom. */
  readonly warn: (who: string, text: string) => void;
}

/** Our own programs as children, each with a log file of its own. */
export function createPrograms({ env, dir, warn }: ProgramsOptions) {
  function program(
    who: string,
    file: URL,
    ownEnv: NodeJS.ProcessEnv,
    execArgv: readonly string[] = [],
  ): () => ChildProgram {
    const log = openLogFile(logPath(who));
    return () =>
      startChildProgram({
        program: file,
        env: ownEnv,
        execArgv,
        log: {
          ...log,
          write(line) {
            try {
              log.write(line);
            } catch (thrown) {
              warn(who, `its log cannot be written: ${errorText(thrown)}`);
            }
          },
        },
        warn: (text) => warn(who, text),
      });
  }

  const logPath = (who: string): string => `${dir.logs}/${who.replaceAll(" ", "-")}.log`;

  return {
    logPath,
    coordinator: (own: NodeJS.ProcessEnv): (() => ChildProgram) =>
      program("coordinator", new URL("../../main", import.meta.url), { ...env, ...own }),
    agent(region: string, own: NodeJS.ProcessEnv): () => ChildProgram {
      const { path, execArgv, env: envOfNode } = agentProgram();
      const agentEnv: NodeJS.ProcessEnv = { ...envOfNode, ...env, ...own, WATCHPOST_REGION: region };
      for (const name of notForAgents) delete agentEnv[name];
      return program(`agent ${region}`, path, agentEnv, execArgv);
    },
  };
}
