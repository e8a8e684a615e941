import { mkdir, readdir, readFile, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { PART, writeDurably } from "../../shared/durable-file.ts";
import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/logger.ts";
import type { StoredMiss, StoredResult } from "../store/results.ts";

/** What is inserted as one, under one token. */
export type Block = {
  readonly token: string;
  /** An insert of it was begun, and what became of that is not known. */
  readonly sent: boolean;
} & (
  | { readonly kind: "results"; readonly rows: readonly StoredResult[] }
  | { readonly kind: "misses"; readonly rows: readonly StoredMiss[] }
);

/**
 * Blocks that ClickHouse did not take, on disk: one file each, written aside, synced
 * and then renamed, so that a file that is there is whole whatever was killed when.
 * Names sort by time. Processes may share a directory: who comes second to a file
 * finds it gone, and inserting a block twice is harmless.
 */
export interface Spool {
  /** Finds what earlier processes left, and drops what has become too old. */
  open(): Promise<void>;
  /**
   * Resolves when the block is durable.
   * @throws Error when the spool is full, or the disk refuses.
   */
  append(block: Block): Promise<void>;
  /** Null when there is none. */
  oldest(): Promise<SpooledBlock | null>;
  readonly bytes: number;
  readonly blocks: number;
}

export interface SpooledBlock {
  readonly block: Block;
  /** It is stored. */
  remove(): Promise<void>;
  /** It can never be stored: kept under another name for people to look at. */
  setAside(): Promise<void>;
}

/** What a small file takes on disk, in bytes. */
const FILE_BYTES = 4_096;
const SUFFIX = ".block.json";

interface Entry {
  readonly name: string;
  readonly bytes: number;
  readonly writtenAt: number;
}

export function createSpool({
  dir,
  maxBytes,
  maxAgeMs,
  now,
  onGivenUp,
  logger,
}: {
  readonly dir: string;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  readonly now: () => number;
  /** Told of the files that became too old. */
  readonly onGivenUp: (blocks: number) => void;
  readonly logger: Logger;
}): Spool {
  let entries: Entry[] = [];
  let bytes = 0;
  let last = 0;

  /** Of blocks written in the same ms each gets its own place, in order. */
  function nextName(token: string): string {
    last = Math.max(last + 1, Math.floor(now()));
    return `${String(last).padStart(15, "0")}-${token}${SUFFIX}`;
  }

  function forget(entry: Entry): void {
    const before = entries.length;
    entries = entries.filter((other) => other !== entry);
    if (entries.length < before) bytes -= entry.bytes;
  }

  async function discard(entry: Entry, end: (path: string) => Promise<void>): Promise<void> {
    await end(join(dir, entry.name)).catch((thrown: NodeJS.ErrnoException) => {
      if (thrown.code !== "ENOENT") throw thrown;
    });
    forget(entry);
  }

  async function dropTooOld(): Promise<void> {
    const old = entries.filter(({ writtenAt }) => writtenAt < now() - maxAgeMs);
    if (old.length === 0) return;
    for (const entry of old) await discard(entry, unlink);
    onGivenUp(old.length);
    logger.error({ blocks: old.length }, "Spooled results became too old and are lost");
  }

  return {
    get bytes() {
      return bytes;
    },
    get blocks() {
      return entries.length;
    },
    async open() {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      for (const name of (await readdir(dir)).sort()) {
        if (name.endsWith(PART)) await unlink(join(dir, name)).catch(() => undefined);
        if (!name.endsWith(SUFFIX)) continue;
        const found = await stat(join(dir, name)).catch(() => null);
        if (!found) continue;
        const size = Math.max(FILE_BYTES, found.size);
        entries.push({ name, bytes: size, writtenAt: found.mtimeMs });
        bytes += size;
      }
      await dropTooOld();
      if (entries.length > 0) logger.info({ blocks: entries.length, bytes }, "Found spooled results");
    },
    async append(block) {
      await dropTooOld();
      const text = JSON.stringify(block);
      const size = Math.max(FILE_BYTES, Buffer.byteLength(text));
      if (bytes + size > maxBytes) throw new Error(`the spool is full: ${maxBytes} bytes`);
      const name = nextName(block.token);
      await writeDurably(dir, name, text);
      entries.push({ name, bytes: size, writtenAt: now() });
      bytes += size;
    },
    async oldest() {
      await dropTooOld();
      for (let entry = entries[0]; entry; entry = entries[0]) {
        const here = entry;
        const remove = () => discard(here, unlink);
        const setAside = () => discard(here, (path) => rename(path, `${path}.refused`));
        try {
          const block = JSON.parse(await readFile(join(dir, entry.name), "utf8")) as Block;
          return { block, remove, setAside };
        } catch (thrown) {
          logger.error({ file: entry.name, reason: errorText(thrown) }, "A spooled block cannot be read");
          await setAside();
        }
      }
      return null;
    },
  };
}
