import { runCli } from "../../coordinator/cli/program.ts";

export interface CliRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line of `watchpost` in this process, with an environment of its own. */
export async function watchpost(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  { color = false, input = "" }: { color?: boolean; input?: string } = {},
): Promise<CliRun> {
  const run = { out: "", err: "" };
  const code = await runCli(args, {
    env,
    color,
    now: Date.now,
    out: (text) => {
      run.out += text;
    },
    err: (text) => {
      run.err += text;
    },
    input: async () => input,
  });
  return { code, ...run };
}
