import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

/**
 * Runs a program to its end.
 * @returns its standard output
 * @throws Error with what it wrote to standard error when it fails or takes longer than its deadline (60 s)
 */
export async function run(
  program: string,
  args: readonly string[],
  { cwd, deadlineMs = 60_000 }: { readonly cwd?: string; readonly deadlineMs?: number } = {},
): Promise<string> {
  const { stdout } = await execute(program, [...args], { cwd, timeout: deadlineMs, killSignal: "SIGKILL" });
  return stdout;
}
