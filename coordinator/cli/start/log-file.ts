import { closeSync, openSync, renameSync, statSync, writeSync } from "node:fs";

/** A log file grows to this, in bytes, and is then set aside as `<name>.1` in place of the one before. */
const MAX_BYTES = 10 * 1024 * 1024;

export interface LogFile {
  write(line: string): void;
  close(): void;
}

/** Opens a log file to append to. What is written is in the file when `write` returns, also if this process is killed then. */
export function openLogFile(path: string): LogFile {
  setAsideIfLarge(path);
  let descriptor = openSync(path, "a", 0o600);
  let size = statSync(path).size;
  return {
    write(line) {
      size += writeSync(descriptor, `${line}\n`);
      if (size < MAX_BYTES) return;
      closeSync(descriptor);
      setAsideIfLarge(path);
      descriptor = openSync(path, "a", 0o600);
      size = 0;
    },
    close: () => closeSync(descriptor),
  };
}

export function setAsideIfLarge(path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size >= MAX_BYTES) renameSync(path, `${path}.1`);
}
