import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** Whose input ends without a line lets the process go on. */
const guard = 'read -r _ || kill -s CONT "$0"';

/**
 * Freezes a child of this process. Should this process die meanwhile, even by SIGKILL,
 * the child goes on, so that it can notice.
 * @returns what lets it go on
 */
export function freeze(child: ChildProcess): () => void {
  child.kill("SIGSTOP");
  const keeper = spawn("/bin/sh", ["-c", guard, String(child.pid)], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  keeper.stdin.on("error", () => undefined);
  const dismiss = () => keeper.stdin.end("done\n");
  void once(child, "exit").then(dismiss);
  return () => {
    child.kill("SIGCONT");
    dismiss();
  };
}
