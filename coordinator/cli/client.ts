import type { ProblemDocument } from "../http/api-types.ts";
import { CommandFailure } from "./failure.ts";
import type { Access } from "./settings.ts";
import { oneLine } from "./table.ts";
import { fetchText } from "./transport.ts";

/** How long the coordinator may take for one answer, in ms. */
const DEADLINE_MS = 15_000;
/** How many rows are asked for at once. */
const PAGE = 1_000;

export type Query = Readonly<Record<string, string | number | undefined>>;

/** The coordinator's HTTP API. Every failure is a CommandFailure that says what to do. */
export interface ApiClient {
  get<T>(path: string, query?: Query): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  put<T>(path: string, body: unknown): Promise<T>;
  patch<T>(path: string, body: unknown): Promise<T>;
  delete(path: string): Promise<void>;
  /** The rows of a list, page after page, at most `limit` of them. */
  list<T>(path: string, query?: Query, limit?: number): Promise<T[]>;
}

/** What was sent is at fault, or who sent it; all else, a monitor that is not there say, is an answer. */
const callersFault = [400, 401, 403, 422];

export function createClient(access: Access, deadlineMs = DEADLINE_MS): ApiClient {
  async function call<T>(method: string, path: string, query: Query = {}, body?: unknown): Promise<T> {
    if (access.token === null) throw noToken(access);
    const url = new URL(access.url + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const headers: Record<string, string> = { authorization: `Bearer ${access.token}`, accept: "application/json" };
    if (body !== undefined) headers["content-type"] = "application/json";
    const { status, text } = await fetchText(url, access.url, deadlineMs, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (status === 204) return undefined as T;
    const answer = parseAnswer(text, status, access.url);
    if (status >= 400) throw refusal(status, answer as Partial<ProblemDocument>);
    return answer as T;
  }

  return {
    get: (path, query) => call("GET", path, query),
    post: (path, body) => call("POST", path, {}, body),
    put: (path, body) => call("PUT", path, {}, body),
    patch: (path, body) => call("PATCH", path, {}, body),
    delete: (path) => call("DELETE", path),
    async list<T>(path: string, query: Query = {}, limit = Number.POSITIVE_INFINITY) {
      const rows: T[] = [];
      let cursor: string | null = null;
      do {
        const page: { data: T[]; nextCursor: string | null } = await call("GET", path, {
          ...query,
          limit: Math.min(PAGE, limit - rows.length),
          cursor: cursor ?? undefined,
        });
        rows.push(...page.data);
        cursor = page.nextCursor;
      } while (cursor !== null && rows.length < limit);
      return rows;
    },
  };
}

function parseAnswer(text: string, status: number, base: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CommandFailure(1, `what answers at ${base} (with HTTP ${status}) is not a Watchpost coordinator`, {
      remedy: "set WATCHPOST_URL to where it is",
    });
  }
}

function refusal(status: number, { title, detail, errors = [] }: Partial<ProblemDocument>): CommandFailure {
  if (status === 401) {
    return new CommandFailure(2, "the coordinator refused the token", { remedy: "set WATCHPOST_TOKEN to its", status });
  }
  const width = Math.max(...errors.map(({ field }) => field.length));
  const lines = errors.map(({ field, rule }) => `\n  ${oneLine(field).padEnd(width)}  ${oneLine(rule)}`);
  const head = lines.length > 0 ? "the coordinator refused it" : oneLine(detail ?? title ?? `HTTP ${status}`);
  return new CommandFailure(callersFault.includes(status) ? 2 : 1, head + lines.join(""), { status });
}

/** What to do where no token is to be found. */
export function noToken({ dataDirectory }: Access): CommandFailure {
  return new CommandFailure(2, `there is no token, neither in WATCHPOST_TOKEN nor in ${dataDirectory}/admin-token`, {
    remedy: "set WATCHPOST_TOKEN, or WATCHPOST_DATA to the directory of `watchpost start`",
  });
}
