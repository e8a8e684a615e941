import { rename, writeFile } from "node:fs/promises";
import { newSecret } from "../../../shared/id.ts";
import { type KeptSecret, secretFile } from "../../embedded/secret-file.ts";

/** The token in a file, made at the first start; a given one replaces it. */
export async function keptToken(path: string, prefix: "wpa" | "wpg", given: string | null): Promise<KeptSecret> {
  if (given === null) return secretFile(path, () => newSecret(prefix));
  await writeFile(`${path}.new`, `${given}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return { secret: given, isNew: false };
}
