import { spawn } from "node:child_process";
import { z } from "zod";
import { errorText } from "../../../shared/errors.ts";
import type { Channel } from "./channel.ts";
import { toDocument } from "./document.ts";
import { GiveUp, RetryLater } from "./failure.ts";

const settings = z.strictObject({
  path: z
    .string()
    .max(4_096, "must be at most 4096 characters")
    .regex(/^\/[^\0]*$/, "must be an absolute path")
    .describe("an executable that `WATCHPOST_NOTIFY_COMMANDS` allows"),
});

/** sysexits.h: a failure that passes. */
const EX_TEMPFAIL = 75;
/** How much of what a command says is kept, in characters: its end. */
const MAX_OUTPUT = 4_096;
/** Nothing of the coordinator's own environment, which holds its secrets. */
const ENVIRONMENT = { PATH: "/usr/local/bin:/usr/bin:/bin", LANG: "C.UTF-8" };

/**
 * Runs an executable that the operator allows, with the notice as JSON on its standard
 * input. Exit code 0 means sent, 75 try again later, any other give up; what it says
 * is the reason. It ends, with all that it started, at the deadline.
 */
export const command: Channel<z.output<typeof settings>> = {
  settings,
  secrets: [],
  place: [],
  async send({ path }, notice, { commands, signal, onHandOver }) {
    if (!commands.includes(path)) throw new GiveUp(`${path} is not in WATCHPOST_NOTIFY_COMMANDS`);
    await onHandOver?.();
    const { code, output } = await run(path, JSON.stringify(toDocument(notice)), signal);
    if (code === 0) return;
    if (code === null && signal.aborted) throw new RetryLater("it did not end within the deadline", null, true);
    const message = `${code === null ? "killed" : `exit code ${code}`}: ${output.trim() || "it said nothing"}`;
    throw code === null || code === EX_TEMPFAIL ? new RetryLater(message, null, code === null) : new GiveUp(message);
  },
};

function run(path: string, input: string, signal: AbortSignal): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new RetryLater("the deadline had passed"));
    // A group of its own, so that what it starts can be ended with it.
    const child = spawn(path, [], { cwd: "/", env: ENVIRONMENT, stdio: "pipe", detached: true });
    let output = "";
    const take = (chunk: string) => {
      output = (output + chunk).slice(-MAX_OUTPUT);
    };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", take);
    const stop = () => {
      endGroup(child.pid);
      child.stdout.destroy();
      child.stderr.destroy();
    };
    signal.addEventListener("abort", stop);
    child.once("error", (error) => reject(new GiveUp(errorText(error))));
    child.once("exit", () => endGroup(child.pid));
    child.once("close", (code) => {
      signal.removeEventListener("abort", stop);
      resolve({ code, output });
    });
    // A command need not read what it is given.
    child.stdin.on("error", () => undefined).end(input);
  });
}

function endGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // There is nothing left of it.
  }
}
