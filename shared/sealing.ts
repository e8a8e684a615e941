import { createCipheriv, createDecipheriv, hash, randomBytes } from "node:crypto";

/** NIST SP 800-38D §8.2.2: random, of 96 bits; one key seals far fewer than 2^32 texts. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What seals and opens: 32 bytes that are used for nothing else. */
export interface SealingKey {
  /** Tells keys apart, and says nothing about them: 8 hexadecimal digits. */
  readonly id: string;
  readonly bytes: Buffer;
}

export function sealingKey(bytes: Buffer): SealingKey {
  return { id: hash("sha256", Buffer.concat([Buffer.from("watchpost sealing key\0"), bytes])).slice(0, 8), bytes };
}

/** What cannot be opened: of a key that is not there, of another context, or damaged. The text is not in the message. */
export class Unopenable extends Error {
  override readonly name = "Unopenable";
}

const form = /^box1\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)$/;

/** The id of the key that a text was sealed with; null when it is not sealed. */
export function sealedWith(text: string): string | null {
  return form.exec(text)?.[1] ?? null;
}

/**
 * A text, sealed by AES-256-GCM (NIST SP 800-38D).
 * @param context what it belongs to: it opens with the same alone
 */
export function seal({ id, bytes }: SealingKey, plain: string, context: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", bytes, nonce);
  cipher.setAAD(Buffer.from(context));
  const sealed = Buffer.concat([nonce, cipher.update(plain, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return `box1.${id}.${sealed.toString("base64url")}`;
}

/**
 * @param keys those that may have sealed it
 * @throws Unopenable
 */
export function unseal(keys: readonly SealingKey[], sealed: string, context: string): string {
  const [, id = "", text = ""] = form.exec(sealed) ?? [];
  if (id === "") throw new Unopenable("this is no sealed text");
  const key = keys.find((one) => one.id === id);
  if (!key) throw new Unopenable(`it is sealed with the key ${id}, which is not here`);
  const bytes = Buffer.from(text, "base64url");
  if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new Unopenable("the sealed text is too short");
  try {
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const cipher = createDecipheriv("aes-256-gcm", key.bytes, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(context));
    cipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    return cipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, "utf8") + cipher.final("utf8");
  } catch {
    throw new Unopenable(`it was not sealed with the key ${id} for this place, or was changed since`);
  }
}
