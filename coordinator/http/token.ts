import { createHash, timingSafeEqual } from "node:crypto";

/** Whether an `Authorization: Bearer …` header carries the expected token; takes the same time whatever it carries. */
export function bearerMatches(header: string | undefined, expected: string): boolean {
  return tokenMatches(readToken(header), expected);
}

/** The token that an `Authorization: Bearer …` header carries; empty when it carries none. */
export function readToken(header: string | undefined): string {
  return /^Bearer ([\x21-\x7e]{1,512})$/i.exec(header ?? "")?.[1] ?? "";
}

/** Whether a token is the expected one; takes the same time whatever it is. */
export function tokenMatches(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
