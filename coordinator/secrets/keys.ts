import { hkdfSync, randomBytes } from "node:crypto";
import type { SealingKey } from "../../shared/sealing.ts";
import { sealingKey } from "../../shared/sealing.ts";

const KEY_BYTES = 32;

/** A key of the deployment. What it is used for is derived from it (RFC 5869), each use apart from the others. */
export interface SecretKey {
  readonly id: string;
  /** What secrets are sealed with; of the same id. */
  readonly sealing: SealingKey;
  /** 32 independent-looking bytes for one purpose; the same for the same label. */
  derive(label: string): Buffer;
}

export const keysForm = "32 random bytes in base64 or hexadecimal; several separated by commas or lines";

/** @throws Error without the text of the key. */
function toKey(text: string): SecretKey {
  const material = /^[0-9a-f]{64}$/i.test(text)
    ? Buffer.from(text, "hex")
    : /^[A-Za-z0-9+/_-]{43}=?$/.test(text)
      ? Buffer.from(text, "base64")
      : null;
  if (material?.length !== KEY_BYTES) throw new Error(`must be ${keysForm}`);
  const derive = (label: string): Buffer =>
    Buffer.from(hkdfSync("sha256", material, Buffer.alloc(0), `watchpost ${label}`, KEY_BYTES));
  const sealing = sealingKey(derive("secret box"));
  return { id: sealing.id, sealing, derive };
}

/**
 * Keys as people write them: separated by commas or white space; a line that begins
 * with # says something to people.
 * @throws Error that completes a sentence such as "WATCHPOST_KEY …" and never holds a key.
 */
export function parseKeys(text: string): readonly SecretKey[] {
  const written = text
    .replace(/^\s*#.*$/gm, "")
    .split(/[\s,]+/)
    .filter((word) => word !== "");
  const keys = written.map(toKey);
  if (keys.length === 0) throw new Error("must hold a key");
  if (new Set(keys.map(({ id }) => id)).size < keys.length) throw new Error("must not hold a key twice");
  return keys;
}

/** A new key, as it is written. */
export function newKey(): string {
  return randomBytes(KEY_BYTES).toString("base64");
}
