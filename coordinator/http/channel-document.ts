import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { AnyChannel, ChannelType } from "../notify/channels/channel.ts";
import { channelTypes } from "../notify/channels/channel.ts";
import { channels as kinds } from "../notify/channels/index.ts";
import { SecretRefused } from "../secrets/refusal.ts";
import type { ChannelDraft } from "../store/channels.ts";
import { validate } from "./validate.ts";

/** What stands in an answer for a secret; sent back, it leaves the secret as it is. */
const HIDDEN = "***";

const document = z.strictObject({
  name: z.string().trim().min(1, "must not be empty").max(200, "must be at most 200 characters"),
  type: z.enum(channelTypes),
  enabled: z.boolean().default(true),
  settings: z.record(z.string(), z.unknown()).default({}),
});

/**
 * The channel that a document describes, with the current secrets where it hides them.
 * @param currentOf its settings in plain; null when there is none, or it is of another type
 * @throws Problem or SecretRefused, which name every field and the rule that it breaks.
 */
export function readChannel(
  body: unknown,
  currentOf: (type: ChannelType) => ChannelDraft["settings"] | null = () => null,
): ChannelDraft {
  const { settings: given, ...draft } = validate(document, body);
  const { secrets, place, settings: schema } = kinds[draft.type] as AnyChannel;
  const current = currentOf(draft.type);
  const kept = secrets.filter((name) => given[name] === HIDDEN);
  refuse(
    kept.filter((name) => current?.[name] === undefined),
    "there is no stored secret to keep: give its text",
  );
  const settings = { ...given, ...Object.fromEntries(kept.map((name) => [name, current?.[name]])) };
  const checked = validate(z.object({ settings: schema }), { settings }).settings as ChannelDraft["settings"];
  const moved = place.filter((name) => !isDeepStrictEqual(checked[name], current?.[name]));
  if (moved.length > 0) refuse(kept, `must be given again, because ${moved.join(", ")} changed`);
  return { ...draft, settings: checked };
}

function refuse(names: readonly string[], rule: string): void {
  if (names.length > 0) throw new SecretRefused(names.map((name) => ({ field: `settings.${name}`, rule })));
}

/** Settings as they are shown: secrets go in and never come out. */
export function hideSecrets(type: ChannelType, settings: ChannelDraft["settings"]) {
  const { secrets } = kinds[type] as { readonly secrets: readonly string[] };
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [name, secrets.includes(name) && value ? HIDDEN : value]),
  );
}
