import { CheckFailure } from "../net/failure.ts";

/** The status and the header fields of a response. */
export interface ResponseHead {
  /** 100 to 999. */
  readonly statusCode: number;
  /**
   * A header's values; several fields of a name are one list (RFC 9110 §5.3). Null when there is none.
   * @param name in any case
   */
  header(name: string): string | null;
}

/** Names in lower case and values by turns; an octet of a value is a character. */
export type Fields = readonly string[];

const statusLine = /^HTTP\/1\.[01] ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const fieldName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const controls = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * Reads a head (RFC 9112 §4, §5): the status line and the fields, as llhttp does without its
 * leniencies. Lines end in CRLF alone, and none is folded.
 * @param text an octet per character, without the line breaks at its end
 * @throws CheckFailure `http_protocol`
 */
export function parseHead(text: string): ResponseHead {
  const lineEnd = text.indexOf("\r\n");
  const status = statusLine.exec(lineEnd === -1 ? text : text.slice(0, lineEnd));
  if (status === null) throw new CheckFailure("http_protocol", "the response has no HTTP/1.1 status line");
  const fields = lineEnd === -1 ? [] : parseFields(text, lineEnd + 2);
  return { statusCode: Number(status[1]), header: (name) => joined(fields, name.toLowerCase()) };
}

/**
 * Reads field lines.
 * @throws CheckFailure `http_protocol`
 */
export function parseFields(text: string, from: number): Fields {
  const fields: string[] = [];
  for (let at = from; at < text.length; ) {
    const found = text.indexOf("\r\n", at);
    const end = found === -1 ? text.length : found;
    const colon = text.indexOf(":", at);
    const name = colon === -1 || colon > end ? "" : text.slice(at, colon);
    const value = text.slice(colon + 1, end);
    if (!fieldName.test(name)) throw new CheckFailure("http_protocol", "the response has a malformed header");
    if (controls.test(value)) {
      throw new CheckFailure("http_protocol", `the response's header ${name} holds a control character`);
    }
    fields.push(name.toLowerCase(), trimmed(value));
    at = end + 2;
  }
  return fields;
}

function joined(fields: Fields, name: string): string | null {
  let all: string | null = null;
  for (let index = 0; index < fields.length; index += 2) {
    if (fields[index] !== name) continue;
    const value = fields[index + 1] as string;
    all = all === null ? value : `${all}, ${value}`;
  }
  return all === null ? null : decoded(all);
}

/** Field values are octets (RFC 9110 §5.5); those beyond ASCII are taken for UTF-8. */
function decoded(octets: string): string {
  return /[\x80-\xff]/.test(octets) ? Buffer.from(octets, "latin1").toString("utf8") : octets;
}

/** Without the spaces and tabs around it; `trim` would take an octet 0xa0 as well. */
function trimmed(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(value.charCodeAt(start))) start++;
  while (end > start && isBlank(value.charCodeAt(end - 1))) end--;
  return value.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
