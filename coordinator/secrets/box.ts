import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { SecretKey } from "./keys.ts";

/** NIST SP 800-38D §8.2.2: random, of 96 bits; one key seals far fewer than 2^32 texts. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Seals texts for keeping, with AES-256-GCM (NIST SP 800-38D). */
export interface SecretBox {
  /** What new texts are sealed with. */
  readonly currentKey: string;
  /** Every key that this box can open with, the current one first. */
  readonly keys: readonly string[];
  /**
   * The text, sealed with the current key. It opens with the same context alone: name
   * there what it belongs to, so that it is of no use in another place.
   */
  seal(plain: string, context: string): string;
  /** @throws Unopenable */
  open(sealed: string, context: string): string;
  /** Sealed by the current key; the very same text when it is already. @throws Unopenable */
  reseal(sealed: string, context: string): string;
  /** 32 bytes for a purpose of one's own, from the current key: they change with it. */
  derive(label: string): Buffer;
  /** The same of every key, the current one first: for what has to go on working while keys change. */
  derivations(label: string): readonly Buffer[];
}

/** What cannot be opened: of a key that is not ours, of another context, or damaged. The text is not in the message. */
export class Unopenable extends Error {
  override readonly name = "Unopenable";
}

const form = /^box1\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)$/;

/** The id of the key that a text was sealed with; null when it is not sealed. */
export function sealedWith(text: string): string | null {
  return form.exec(text)?.[1] ?? null;
}

/** @param keys at least one: the first is current, the others only open. */
export function createSecretBox(keys: readonly SecretKey[]): SecretBox {
  const current = keys[0] as SecretKey;
  const ciphers = new Map(keys.map((key) => [key.id, key.derive("secret box")]));

  function seal(plain: string, context: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", ciphers.get(current.id) as Buffer, nonce);
    cipher.setAAD(Buffer.from(context));
    const sealed = Buffer.concat([nonce, cipher.update(plain, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return `box1.${current.id}.${sealed.toString("base64url")}`;
  }

  function open(sealed: string, context: string): string {
    const [, id = "", text = ""] = form.exec(sealed) ?? [];
    if (id === "") throw new Unopenable("this is no sealed text");
    const key = ciphers.get(id);
    if (!key) throw new Unopenable(`it is sealed with the key ${id}, which this coordinator does not have`);
    const bytes = Buffer.from(text, "base64url");
    if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new Unopenable("the sealed text is too short");
    try {
      const cipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      cipher.setAAD(Buffer.from(context));
      cipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      return cipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, "utf8") + cipher.final("utf8");
    } catch {
      throw new Unopenable(`it was not sealed with the key ${id} for this place, or was changed since`);
    }
  }

  return {
    currentKey: current.id,
    keys: keys.map(({ id }) => id),
    seal,
    open,
    reseal: (sealed, context) => (sealedWith(sealed) === current.id ? sealed : seal(open(sealed, context), context)),
    derive: (label) => current.derive(`derived ${label}`),
    derivations: (label) => keys.map((key) => key.derive(`derived ${label}`)),
  };
}
