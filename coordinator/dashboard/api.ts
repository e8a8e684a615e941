import type { FieldError, ProblemDocument } from "../http/api-types.ts";
import type { PageClock } from "./times.ts";

/** No request takes longer, in ms; the API answers in a fraction of it. */
const TIMEOUT_MS = 10_000;
const PAGE_SIZE = 1_000;

/** The coordinator answered that it will not, or cannot: a problem document (RFC 9457). */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  readonly status: number;
  readonly errors: readonly FieldError[];

  constructor(status: number, detail: string, errors: readonly FieldError[]) {
    super(detail);
    this.status = status;
    this.errors = errors;
  }
}

/** The coordinator did not answer. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

export interface Page<T> {
  readonly data: readonly T[];
  readonly nextCursor: string | null;
}

/**
 * The coordinator's API as the page calls it.
 * Every call throws ApiProblem or Unreachable; one that is aborted throws the signal's reason.
 */
export interface Api {
  get<T>(path: string, signal?: AbortSignal): Promise<T>;
  /** A whole list, page after page. */
  list<T>(path: string, signal?: AbortSignal): Promise<T[]>;
  post<T>(path: string, body: unknown): Promise<T>;
  put<T>(path: string, body: unknown): Promise<T>;
  patch<T>(path: string, body: unknown): Promise<T>;
  remove(path: string): Promise<void>;
}

export function createApi(token: string, clock: PageClock): Api {
  async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    try {
      const response = await fetch(path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        cache: "no-store",
        signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), ...(signal ? [signal] : [])]),
      });
      clock.heard(response.headers.get("date"));
      if (!response.ok) throw await toProblem(response);
      return response.status === 204 ? (undefined as T) : await response.json();
    } catch (thrown) {
      signal?.throwIfAborted();
      if (thrown instanceof ApiProblem) throw thrown;
      throw new Unreachable(
        (thrown as Error).name === "TimeoutError" ? `no answer within ${TIMEOUT_MS / 1_000} s` : "no connection",
      );
    }
  }

  return {
    get: (path, signal) => call("GET", path, undefined, signal),
    async list<T>(path: string, signal?: AbortSignal) {
      const all: T[] = [];
      for (let cursor: string | null = ""; cursor !== null; ) {
        const query = new URLSearchParams({ limit: String(PAGE_SIZE), ...(cursor && { cursor }) });
        const page: Page<T> = await call("GET", `${path}?${query}`, undefined, signal);
        all.push(...page.data);
        cursor = page.nextCursor;
      }
      return all;
    },
    post: (path, body) => call("POST", path, body),
    put: (path, body) => call("PUT", path, body),
    patch: (path, body) => call("PATCH", path, body),
    remove: (path) => call("DELETE", path),
  };
}

async function toProblem(response: Response): Promise<ApiProblem> {
  // What stands in front of the coordinator may answer with anything.
  const problem = (await response.json().catch(() => null)) as Partial<ProblemDocument> | null;
  return new ApiProblem(response.status, problem?.detail ?? `Status ${response.status}`, problem?.errors ?? []);
}
