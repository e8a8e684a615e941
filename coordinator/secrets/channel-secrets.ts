import { sealedWith } from "../../shared/sealing.ts";
import type { SecretBox } from "./box.ts";

type Settings = Readonly<Record<string, unknown>>;

/** A setting as it is stored. */
interface Sealed {
  readonly sealed: string;
}

const contextOf = (channelId: string, setting: string): string => `channel ${channelId} ${setting}`;

/** The settings of a channel as they are stored: those that are secrets are sealed. */
export function sealSettings(
  box: SecretBox,
  channelId: string,
  settings: Settings,
  secrets: readonly string[],
): Settings {
  return mapped(settings, (name, value) =>
    secrets.includes(name) && value !== undefined && value !== null
      ? ({ sealed: box.seal(JSON.stringify(value), contextOf(channelId, name)) } satisfies Sealed)
      : value,
  );
}

/** @throws Unopenable */
export function openSettings(box: SecretBox, channelId: string, settings: Settings): Settings {
  return mapped(settings, (name, value) =>
    isSealed(value) ? JSON.parse(box.open(value.sealed, contextOf(channelId, name))) : value,
  );
}

/**
 * Stored settings, sealed by the current key; those from before secrets were sealed as well.
 * @throws Unopenable
 */
export function resealSettings(
  box: SecretBox,
  channelId: string,
  settings: Settings,
  secrets: readonly string[],
): Settings {
  return mapped(settings, (name, value) => {
    if (isSealed(value)) return { sealed: box.reseal(value.sealed, contextOf(channelId, name)) };
    return sealSettings(box, channelId, { [name]: value }, secrets)[name];
  });
}

function isSealed(value: unknown): value is Sealed {
  if (typeof value !== "object" || value === null || Object.keys(value).join() !== "sealed") return false;
  const { sealed } = value as { readonly sealed: unknown };
  return typeof sealed === "string" && sealedWith(sealed) !== null;
}

function mapped(settings: Settings, change: (name: string, value: unknown) => unknown): Settings {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, change(name, value)]));
}
