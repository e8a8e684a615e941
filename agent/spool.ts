import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { access, readdir, readFile, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { directoryTrouble, makeDirectory } from "../shared/directory.ts";
import { PART, writeDurably } from "../shared/durable-file.ts";
import { ConfigError, errorText } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { ResultBatch } from "../shared/result.ts";

/** A batch and the id of its job, under which the queue takes it once however often it is added. */
export interface SpooledBatch {
  readonly id: string;
  /** Where it was measured. */
  readonly region: string;
  readonly batch: ResultBatch;
}

/**
 * Batches of results that the queue did not take, on disk, within bounds: when they
 * are exceeded the oldest go.
 *
 * What comes together is one segment, a line of JSON per batch: written aside, synced
 * and then renamed, so that a segment which is there is whole whatever was killed when.
 * Names sort by time. Processes may share a directory: who comes second to a segment
 * finds it gone, and adding a batch twice is harmless.
 */
export interface Spool {
  /**
   * Finds what earlier processes left.
   * @throws ConfigError when the directory cannot be used.
   */
  open(): Promise<void>;
  /** Resolves when the batch is durable. Rejects when the disk refuses. */
  append(entry: SpooledBatch): Promise<void>;
  /** What came first, when it is durable; null when there is nothing. */
  oldest(): Promise<Segment | null>;
  /** How many results and misses it holds, those included that are being written. */
  readonly size: number;
  /** What they take on disk. */
  readonly bytes: number;
  /** ms since results were last dropped, because they were too many or too old; null for never. */
  readonly droppedAgoMs: number | null;
}

export interface Segment {
  /** In the order of their arrival. */
  readonly entries: readonly SpooledBatch[];
  /** The queue has taken them. */
  remove(): Promise<void>;
}

/** How long a segment is filled, in ms: fewer files, and there is no hurry. */
const FILL_MS = 200;
/** A segment is closed at about this length, in bytes. */
const SEGMENT_BYTES = 2 ** 20;
/** What a small file takes on disk, in bytes. */
const BLOCK_BYTES = 4_096;
/** Dropped results are logged no more often, in ms. */
const DROP_LOG_MS = 10_000;
/** When it was written, in ms since the epoch, how many results and misses it holds, and what makes it unique. */
const segmentName = /^(\d{15})-(\d+)-[0-9a-f]{12}\.jsonl$/;

interface File {
  readonly name: string;
  readonly writtenAt: number;
  readonly results: number;
  readonly bytes: number;
}

interface Waiting {
  readonly line: string;
  readonly results: number;
  resolve(): void;
  reject(reason: unknown): void;
}

export function createSpool({
  dir,
  variable,
  maxBytes,
  maxAgeMs,
  now,
  logger,
}: {
  readonly dir: string;
  /** The environment variable that sets `dir`, for the message when it cannot be used. */
  readonly variable: string;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** ms since the epoch. */
  readonly now: () => number;
  readonly logger: Logger;
}): Spool {
  /** Oldest first. */
  let files: File[] = [];
  let bytes = 0;
  let size = 0;
  const waiting: Waiting[] = [];
  let writing: Promise<void> | undefined;
  let lastName = 0;
  let dropped = 0;
  let droppedAt: number | null = null;
  let dropLoggedAt = Number.NEGATIVE_INFINITY;

  function keep(file: File): void {
    files.push(file);
    bytes += file.bytes;
    size += file.results;
  }

  /** Whether the file was still kept. */
  function forget(file: File): boolean {
    const before = files.length;
    files = files.filter((other) => other !== file);
    if (files.length === before) return false;
    bytes -= file.bytes;
    size -= file.results;
    return true;
  }

  async function remove(file: File): Promise<void> {
    if (!forget(file)) return;
    await unlink(join(dir, file.name)).catch((thrown: NodeJS.ErrnoException) => {
      if (thrown.code === "ENOENT") return;
      logger.error({ file: file.name, reason: errorText(thrown) }, "A spooled segment cannot be removed");
    });
  }

  async function drop(excess: (oldest: File) => boolean): Promise<void> {
    for (let oldest = files[0]; oldest && excess(oldest); oldest = files[0]) {
      dropped += oldest.results;
      droppedAt = performance.now();
      await remove(oldest);
    }
    if (dropped === 0 || performance.now() - dropLoggedAt < DROP_LOG_MS) return;
    logger.error({ results: dropped }, "Spooled results are dropped: they are too many or too old");
    dropped = 0;
    dropLoggedAt = performance.now();
  }

  const dropTooOld = (): Promise<void> => drop(({ writtenAt }) => writtenAt < now() - maxAgeMs);

  /** Takes from those that wait what fits one segment. */
  function takeGroup(): Waiting[] {
    let length = 0;
    const end = waiting.findIndex(({ line }) => {
      const isFull = length > SEGMENT_BYTES;
      length += line.length;
      return isFull;
    });
    return waiting.splice(0, end === -1 ? waiting.length : end);
  }

  async function writeSegment(): Promise<void> {
    if (waiting.reduce((sum, { line }) => sum + line.length, 0) < SEGMENT_BYTES) await sleep(FILL_MS);
    const group = takeGroup();
    const results = group.reduce((sum, entry) => sum + entry.results, 0);
    try {
      await write(group.map(({ line }) => line).join(""), results);
      for (const { resolve } of group) resolve();
    } catch (thrown) {
      for (const { reject } of group) reject(thrown);
    } finally {
      size -= results; // They count with their file from now on, or not at all.
    }
  }

  function startWriting(): void {
    writing ??= writeSegment().finally(() => {
      writing = undefined;
      if (waiting.length > 0) startWriting();
    });
  }

  async function write(text: string, results: number): Promise<void> {
    const length = Math.max(BLOCK_BYTES, Buffer.byteLength(text));
    await dropTooOld();
    await drop(() => bytes + length > maxBytes);
    const writtenAt = now();
    lastName = Math.max(lastName + 1, Math.floor(writtenAt));
    const name = `${String(lastName).padStart(15, "0")}-${results}-${randomBytes(6).toString("hex")}.jsonl`;
    await writeDurably(dir, name, text);
    keep({ name, writtenAt, results, bytes: length });
  }

  /** A line that is not whole was lost by the disk; it takes no other with it. */
  function parse(text: string, file: File): SpooledBatch[] {
    return text.split("\n").flatMap((line): SpooledBatch[] => {
      if (line === "") return [];
      const entry = parseEntry(line);
      if (entry !== null) return [entry];
      logger.error({ file: file.name }, "A spooled batch is not whole: it is left out");
      return [];
    });
  }

  return {
    get size() {
      return size;
    },
    get bytes() {
      return bytes;
    },
    get droppedAgoMs() {
      return droppedAt === null ? null : performance.now() - droppedAt;
    },
    async open() {
      try {
        await makeDirectory(dir, 0o700);
        await access(dir, constants.R_OK | constants.W_OK | constants.X_OK);
      } catch (thrown) {
        throw new ConfigError(
          `the spool directory ${dir} ${directoryTrouble(thrown) ?? errorText(thrown)}: set ${variable}`,
        );
      }
      for (const name of (await readdir(dir)).sort()) {
        if (name.endsWith(PART)) await unlink(join(dir, name)).catch(() => undefined);
        const [, writtenAt, results] = segmentName.exec(name) ?? [];
        const found = writtenAt && (await stat(join(dir, name)).catch(() => null));
        if (!found) continue;
        keep({
          name,
          writtenAt: Number(writtenAt),
          results: Number(results),
          bytes: Math.max(BLOCK_BYTES, found.size),
        });
      }
      await dropTooOld();
      if (size > 0) logger.info({ results: size, segments: files.length }, "Found spooled results");
    },
    append(entry) {
      const { results, misses } = entry.batch;
      const count = results.length + misses.length;
      return new Promise((resolve, reject) => {
        waiting.push({ line: `${JSON.stringify(entry)}\n`, results: count, resolve, reject });
        size += count;
        startWriting();
      });
    },
    async oldest() {
      await dropTooOld();
      for (;;) {
        const file = files[0];
        if (file === undefined) {
          if (writing === undefined) return null;
          await writing;
          continue;
        }
        try {
          const entries = parse(await readFile(join(dir, file.name), "utf8"), file);
          return { entries, remove: () => remove(file) };
        } catch (thrown) {
          forget(file);
          if ((thrown as NodeJS.ErrnoException).code === "ENOENT") continue;
          logger.error({ file: file.name, reason: errorText(thrown) }, "A spooled segment cannot be read: it stays");
        }
      }
    },
  };
}

/** Null for what cannot be sent, and would be tried for ever. */
function parseEntry(line: string): SpooledBatch | null {
  try {
    const { id, region, batch } = JSON.parse(line);
    const isWhole = [id, region, batch.agentId].every((text) => typeof text === "string");
    return isWhole && Array.isArray(batch.results) && Array.isArray(batch.misses) ? { id, region, batch } : null;
  } catch {
    return null;
  }
}
