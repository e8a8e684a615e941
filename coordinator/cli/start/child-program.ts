import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { endOf, stopChild } from "../../embedded/child-end.ts";
import { forkProgram } from "../../embedded/fork-program.ts";
import type { LogFile } from "./log-file.ts";
import type { Running } from "./supervise.ts";

export interface ChildProgramOptions {
  /** The program's file without its ending. */
  readonly program: URL;
  readonly env: NodeJS.ProcessEnv;
  /** Options for Node itself. */
  readonly execArgv?: readonly string[];
  readonly log: LogFile;
  /** Told of warnings and errors. */
  readonly warn: (text: string) => void;
}

export interface ChildProgram extends Running {
  /** Resolves when it says that it has started. */
  readonly started: Promise<void>;
}

/** One of our own programs as a child: its log lines go to a file, those that matter also to people. */
export function startChildProgram({ program, env, execArgv, log, warn }: ChildProgramOptions): ChildProgram {
  const child: ChildProcess = forkProgram(program, { env, output: "pipe", ...(execArgv && { execArgv }) });
  for (const output of [child.stdout, child.stderr]) {
    const lines = createInterface({ input: output as Readable, crlfDelay: Number.POSITIVE_INFINITY });
    lines.on("line", (line) => {
      log.write(line);
      const text = warningIn(line);
      if (text !== null) warn(text);
    });
  }
  return {
    started: new Promise((resolve) => child.once("message", () => resolve())),
    ended: endOf(child),
    stop: (patienceMs = 5_000) => stopChild(child, "SIGTERM", patienceMs),
  };
}

const fieldsOfEveryLine = new Set(["level", "time", "name", "msg", "region", "agent", "pid", "hostname", "err"]);

/** What a line of a program's output tells people: warnings and worse, and what it died of; else null. */
export function warningIn(line: string): string | null {
  if (!line.startsWith("{")) {
    // A stack trace is for the log file; its first line says what happened.
    return /^(watchpost: |[A-Za-z]*Error\b)/.test(line) ? line.replace(/^watchpost: /, "") : null;
  }
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line);
  } catch {
    return null;
  }
  if (!["warn", "error", "fatal"].includes(String(entry.level))) return null;
  const facts = Object.entries(entry)
    .filter(([name]) => !fieldsOfEveryLine.has(name))
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
  return [entry.msg, ...(facts.length > 0 ? [`(${facts.join(", ")})`] : [])].join(" ");
}
