import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";

export interface KeptSecret {
  readonly secret: string;
  /** Whether it was made just now. */
  readonly isNew: boolean;
}

/**
 * The secret kept in a file of mode 0600; made with `create` and kept when there
 * is no such file. Written beside and renamed, so that a crash leaves no half.
 */
export async function secretFile(path: string, create: () => string = randomPassword): Promise<KeptSecret> {
  try {
    return { secret: (await readFile(path, "utf8")).trim(), isNew: false };
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
  }
  const secret = create();
  const partial = `${path}.${process.pid}`;
  await writeFile(partial, `${secret}\n`, { mode: 0o600 });
  await rename(partial, path);
  return { secret, isNew: true };
}

/** 192 random bits in letters that need no escaping in a URL or a configuration file. */
function randomPassword(): string {
  return randomBytes(24).toString("base64url");
}
