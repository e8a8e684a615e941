import { errorText } from "../../shared/errors.ts";
import { CommandFailure } from "./failure.ts";

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/**
 * Asks the coordinator at `base` and reads the whole answer.
 * @throws CommandFailure when none comes within the deadline.
 */
export async function fetchText(url: URL, base: string, deadlineMs: number, init: RequestInit = {}): Promise<Answer> {
  try {
    const response = await fetch(url, { ...init, redirect: "error", signal: AbortSignal.timeout(deadlineMs) });
    return { status: response.status, text: await response.text(), headers: response.headers };
  } catch (thrown) {
    throw new CommandFailure(1, `the coordinator is not reachable at ${base} (${reasonOf(thrown, deadlineMs)})`, {
      remedy: "start it with `watchpost start` or `watchpost coordinator`, or set WATCHPOST_URL to where it is",
    });
  }
}

function reasonOf(thrown: unknown, deadlineMs: number): string {
  if ((thrown as Error).name === "TimeoutError") return `no answer within ${deadlineMs / 1_000} s`;
  // fetch hides the reason, such as "connect ECONNREFUSED 127.0.0.1:8080", in the cause.
  return errorText((thrown as Error).cause ?? thrown);
}
