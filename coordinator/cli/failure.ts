/** A command that cannot do what it was asked. The message may have several lines. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  /** 1: the call was right and the answer is bad. 2: the call was wrong. */
  readonly exitCode: 1 | 2;
  /** What to do about it; null when the message says enough. */
  readonly remedy: string | null;
  /** The HTTP status with which the coordinator refused; null when it was not asked or did not answer. */
  readonly status: number | null;

  constructor(
    exitCode: 1 | 2,
    message: string,
    { remedy = null, status = null }: { readonly remedy?: string | null; readonly status?: number | null } = {},
  ) {
    super(message);
    this.exitCode = exitCode;
    this.remedy = remedy;
    this.status = status;
  }
}

/** The failure as people read it: what is wrong, and what to do. */
export function failureText({ message, remedy }: CommandFailure): string {
  return remedy === null ? message : `${message}: ${remedy}`;
}
