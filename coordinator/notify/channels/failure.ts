/**
 * The notice was not taken, and may be later. Neither of these carries a cause: what
 * lies beneath can hold the settings' secrets.
 */
export class RetryLater extends Error {
  override readonly name = "RetryLater";
  /** How long the vendor asks to wait, in ms; null when it is the caller's to say. */
  readonly retryAfterMs: number | null;

  constructor(message: string, retryAfterMs: number | null = null) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

/** The notice will not be taken however often it is sent: someone has to change something. */
export class GiveUp extends Error {
  override readonly name = "GiveUp";
}
