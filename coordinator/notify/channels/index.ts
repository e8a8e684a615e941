import { errorText } from "../../../shared/errors.ts";
import { secretTexts, withoutSecrets } from "../../../shared/secret-texts.ts";
import type { Notice } from "../notice.ts";
import type { AnyChannel, ChannelType, SendContext } from "./channel.ts";
import { command } from "./command.ts";
import { discord } from "./discord.ts";
import { email } from "./email.ts";
import { GiveUp, RetryLater } from "./failure.ts";
import { googlechat } from "./googlechat.ts";
import { gotify } from "./gotify.ts";
import { matrix } from "./matrix.ts";
import { mattermost } from "./mattermost.ts";
import { ntfy } from "./ntfy.ts";
import { opsgenie } from "./opsgenie.ts";
import { pagerduty } from "./pagerduty.ts";
import { pushover } from "./pushover.ts";
import { slack } from "./slack.ts";
import { teams } from "./teams.ts";
import { telegram } from "./telegram.ts";
import { clean, shorten } from "./text.ts";
import { twilio } from "./twilio.ts";
import { webhook } from "./webhook.ts";

/** How long a failure's message may be, in characters. */
const MAX_MESSAGE = 500;

/** The table of types; a missing one does not compile. A new channel is one file beside this one and one line here. */
export const channels = {
  webhook,
  email,
  slack,
  discord,
  teams,
  telegram,
  pagerduty,
  opsgenie,
  pushover,
  ntfy,
  gotify,
  mattermost,
  matrix,
  googlechat,
  twilio,
  command,
} satisfies { readonly [T in ChannelType]: AnyChannel };

/** What cannot be kept now may be later. */
async function handOver({ onHandOver }: SendContext): Promise<void> {
  await onHandOver?.().catch((thrown) => {
    throw new RetryLater(errorText(thrown));
  });
}

/**
 * Sends a notice through a channel whose settings are as they were stored.
 * @throws RetryLater, GiveUp; of at most 500 characters, with every secret of the settings left out.
 */
export async function sendNotice(
  type: ChannelType,
  settings: unknown,
  notice: Notice,
  context: SendContext,
): Promise<void> {
  const channel: AnyChannel = channels[type];
  const parsed = channel.settings.safeParse(settings);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new GiveUp(shorten(clean(`settings.${issue?.path.join(".")}: ${issue?.message}`), MAX_MESSAGE));
  }
  try {
    await channel.send(parsed.data as never, notice, { ...context, onHandOver: () => handOver(context) });
  } catch (thrown) {
    const secrets = secretTexts(channel.secrets.map((name) => (parsed.data as Record<string, unknown>)[name]));
    const message = shorten(clean(withoutSecrets(errorText(thrown), secrets)), MAX_MESSAGE);
    throw thrown instanceof RetryLater
      ? new RetryLater(message, thrown.retryAfterMs, thrown.mayHaveArrived)
      : new GiveUp(message);
  }
}
