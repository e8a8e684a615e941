import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { directoryTrouble } from "../../shared/directory.ts";
import { ConfigError, errorText } from "../../shared/errors.ts";
import type { SecretKey } from "./keys.ts";
import { newKey, parseKeys } from "./keys.ts";

export interface KeySettings {
  /** From WATCHPOST_KEY. */
  readonly secretKeys: readonly SecretKey[] | null;
  /** From WATCHPOST_KEY_FILE. */
  readonly secretKeyFile: string | null;
  readonly dataDir: string;
}

export interface FoundKeys {
  /** The current one first. */
  readonly keys: readonly SecretKey[];
  /** Where they were found, for people. */
  readonly source: string;
}

/**
 * The keys that the settings name; else the one kept in the file `key` of the data
 * directory, which is made when there is none.
 * @throws ConfigError
 */
export function findKeys({ secretKeys, secretKeyFile, dataDir }: KeySettings): FoundKeys {
  if (secretKeys !== null && secretKeyFile !== null) {
    throw new ConfigError("WATCHPOST_KEY and WATCHPOST_KEY_FILE must not both be set");
  }
  if (secretKeys !== null) return { keys: secretKeys, source: "WATCHPOST_KEY" };
  const path = secretKeyFile ?? join(resolve(dataDir), "key");
  const source = secretKeyFile === null ? `the key file ${path}` : `WATCHPOST_KEY_FILE ${path}`;
  return { keys: readKeys(path, source, secretKeyFile === null ? () => keepNewKey(path) : undefined), source };
}

/** @param make called when there is no such file, after which there is. */
function readKeys(path: string, name: string, make?: () => void): readonly SecretKey[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code !== "ENOENT" || !make) throw new ConfigError(`${name} cannot be read (${code ?? errorText(thrown)})`);
    make();
    return readKeys(path, name);
  }
  try {
    return parseKeys(text);
  } catch (thrown) {
    throw new ConfigError(`${name} ${errorText(thrown)}`);
  }
}

/** Several coordinators that start at once on one data directory agree on one key: only a link that is new can be made. */
function keepNewKey(path: string): void {
  const partial = `${path}.${randomBytes(6).toString("hex")}.new`;
  try {
    makeDirectory(dirname(path));
    const file = openSync(partial, "wx", 0o600);
    try {
      writeSync(file, `${newKey()}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    try {
      linkSync(partial, path);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "EEXIST") throw thrown;
    } finally {
      unlinkSync(partial);
    }
    const directory = openSync(dirname(path), "r");
    fsyncSync(directory);
    closeSync(directory);
  } catch (thrown) {
    const reason = directoryTrouble(thrown) ?? `cannot be written to (${errorText(thrown)})`;
    throw new ConfigError(
      `the key for secrets cannot be kept: ${dirname(path)} ${reason}: set WATCHPOST_DATA to a directory that is yours, or WATCHPOST_KEY`,
    );
  }
}

/** As shared/directory.ts has it, before anything runs. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeDirectory(dirname(path));
  try {
    mkdirSync(path, 0o700);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "EEXIST") throw thrown;
  }
}
