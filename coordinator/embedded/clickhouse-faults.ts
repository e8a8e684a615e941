import { errorText } from "../../shared/errors.ts";

/** An error of the HTTP interface itself, worded as ClickHouse words its own. */
export class ClickHouseFault extends Error {
  constructor(code: number, name: string, text: string) {
    super(`Code: ${code}. DB::Exception: ${text}. (${name})`);
  }
}

/**
 * HTTP statuses by the exception's name, as ClickHouse's own server gives them
 * (`exceptionCodeToHTTPStatus` in src/Server/HTTP/exceptionCodeToHTTPStatus.cpp); 500 for the rest.
 */
const statuses: ReadonlyArray<readonly [status: number, names: RegExp]> = [
  [403, /^(AUTHENTICATION_FAILED|UNKNOWN_USER|WRONG_PASSWORD|ACCESS_DENIED)$/],
  [400, /^(BAD_ARGUMENTS|SYNTAX_ERROR|CANNOT_PARSE_.*|TYPE_MISMATCH|INCORRECT_DATA|UNKNOWN_QUERY_PARAMETER)$/],
  [400, /^(BAD_QUERY_PARAMETER|BAD_REQUEST_PARAMETER|ILLEGAL_.*|DUPLICATE_COLUMN|NUMBER_OF_.*_DOESNT_MATCH)$/],
  [404, /^(UNKNOWN_(TABLE|DATABASE|FUNCTION|IDENTIFIER|TYPE|STORAGE|SETTING|FORMAT)|NO_SUCH_COLUMN_IN_TABLE)$/],
  [408, /^TIMEOUT_EXCEEDED$/],
  [413, /^(QUERY_IS_TOO_LARGE|TOO_MANY_BYTES)$/],
  [501, /^NOT_IMPLEMENTED$/],
];

export interface Fault {
  readonly code: number;
  readonly text: string;
  readonly httpStatus: number;
}

/** The exception of ClickHouse in an error's text; null when it is none. */
export function faultOf(thrown: unknown): Fault | null {
  const text = errorText(thrown);
  const code = /^Code: (\d+)\. /.exec(text)?.[1];
  if (code === undefined) return null;
  const name = /\(([A-Z][A-Z0-9_]+)\)\s*$/.exec(text)?.[1] ?? "";
  return { code: Number(code), text, httpStatus: statuses.find(([, names]) => names.test(name))?.[0] ?? 500 };
}
