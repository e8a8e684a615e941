import type { z } from "zod";
import type { Notice } from "../notice.ts";
import type { HttpClient } from "./http.ts";

/** Every type of channel. */
export const channelTypes = [
  "webhook",
  "email",
  "slack",
  "discord",
  "teams",
  "telegram",
  "pagerduty",
  "opsgenie",
  "pushover",
  "ntfy",
  "gotify",
  "mattermost",
  "matrix",
  "googlechat",
  "twilio",
  "command",
] as const;
export type ChannelType = (typeof channelTypes)[number];

/**
 * Types that tell a message once however often it is sent under its id: webhooks, whose receivers are told to,
 * and those whose vendors document it (Matrix' transaction ids, Google Chat's request ids, the keys of alerts of
 * PagerDuty and Opsgenie).
 */
export const idempotentTypes: ReadonlySet<ChannelType> = new Set<ChannelType>([
  "webhook",
  "matrix",
  "googlechat",
  "pagerduty",
  "opsgenie",
]);

/** What a channel sends with. */
export interface SendContext {
  readonly http: HttpClient;
  /** The executables that the operator allows to be run, as absolute paths. */
  readonly commands: readonly string[];
  /** The deadline: everything that is under way ends when it aborts. */
  readonly signal: AbortSignal;
  /** ms since the epoch. */
  readonly now: number;
  /** Called, and waited for, before anything goes out that the other side could take for the message. */
  readonly onHandOver?: () => Promise<void>;
}

/** A way to tell people, by the settings `S` that a person gives it. */
export interface Channel<S> {
  /** The settings as the API takes them; each says what it is for in its description. */
  readonly settings: z.ZodType<S>;
  /** Those that are never shown again, nor logged. */
  readonly secrets: readonly (keyof S & string)[];
  /** Those that say where the secrets are sent: when one of them changes, every secret has to be given again. */
  readonly place: readonly (keyof S & string)[];
  /**
   * Sends one notice; sent again under the same id, it is told once where the vendor can see to that.
   * @throws RetryLater, GiveUp
   */
  send(settings: S, notice: Notice, context: SendContext): Promise<void>;
}

/** A channel whose settings are not known: as the table holds it. */
export interface AnyChannel extends Pick<Channel<object>, "settings"> {
  readonly secrets: readonly string[];
  readonly place: readonly string[];
  send(settings: never, notice: Notice, context: SendContext): Promise<void>;
}
