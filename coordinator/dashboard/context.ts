import type { Api } from "./api.ts";
import type { PageClock } from "./times.ts";

/** What every view works with. */
export interface PageContext {
  readonly api: Api;
  readonly clock: PageClock;
  /** Loads again now, after something was changed. */
  readonly refresh: () => void;
  /** Says which page the window shows; null when it is the overview. */
  readonly title: (page: string | null) => void;
  /** Shows a line about something that a person asked for and that failed. */
  readonly notify: (text: string) => void;
  /** Whether the failure was that the token is not accepted; if so, the page has asked for another one. */
  readonly isSignedOutBy: (thrown: unknown) => boolean;
}

/** One page of the dashboard. */
export interface View {
  readonly element: HTMLElement;
  /** Whether changes of what it shows are told of as they happen; else it is asked for again and again. */
  readonly isTold?: true;
  /** Loads what is shown and shows it; throws what the API throws. */
  load(signal: AbortSignal): Promise<void>;
}
