/**
 * The notice was not taken, and may be later. Neither of these carries a cause: what
 * lies beneath can hold the settings' secrets.
 */
export class RetryLater extends Error {
  override readonly name = "RetryLater";
  /** How long the vendor asks to wait, in ms; null when it is the caller's to say. */
  readonly retryAfterMs: number | null;
  /** It had gone out, and no answer came: it may have been taken after all. */
  readonly mayHaveArrived: boolean;

  constructor(message: string, retryAfterMs: number | null = null, mayHaveArrived = false) {
    super(message);
    this.retryAfterMs = retryAfterMs;
    this.mayHaveArrived = mayHaveArrived;
  }
}

/** The notice will not be taken however often it is sent: someone has to change something. */
export class GiveUp extends Error {
  override readonly name = "GiveUp";
}
