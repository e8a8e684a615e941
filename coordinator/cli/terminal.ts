import { text as readText } from "node:stream/consumers";

/** What a command sees of the world outside: so that a test can run it in its own process. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv;
  /** Whether standard output understands colours and wants them. */
  readonly color: boolean;
  /** Milliseconds since the epoch. */
  now(): number;
  out(text: string): void;
  err(text: string): void;
  /** All of standard input. */
  input(): Promise<string>;
}

/** The terminal of this process. Colours are left out when output is no terminal or NO_COLOR is set. */
export function processTerminal(): Terminal {
  const { stdout, stderr, stdin } = process;
  // `watchpost monitors | head` closes the pipe early; that is no failure.
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
  return {
    env: process.env,
    color: stdout.isTTY === true && stdout.hasColors(),
    now: Date.now,
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    input: () => readText(stdin),
  };
}
