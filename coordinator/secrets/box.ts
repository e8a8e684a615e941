import { seal, sealedWith, unseal } from "../../shared/sealing.ts";
import type { SecretKey } from "./keys.ts";

/** Seals texts for keeping. */
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

/** @param keys at least one: the first is current, the others only open. */
export function createSecretBox(keys: readonly SecretKey[]): SecretBox {
  const current = keys[0] as SecretKey;
  const sealings = keys.map(({ sealing }) => sealing);
  const open = (sealed: string, context: string): string => unseal(sealings, sealed, context);
  const sealNow = (plain: string, context: string): string => seal(current.sealing, plain, context);
  return {
    currentKey: current.id,
    keys: keys.map(({ id }) => id),
    seal: sealNow,
    open,
    reseal: (sealed, context) => (sealedWith(sealed) === current.id ? sealed : sealNow(open(sealed, context), context)),
    derive: (label) => current.derive(`derived ${label}`),
    derivations: (label) => keys.map((key) => key.derive(`derived ${label}`)),
  };
}
