/** What vendors' answers say; an answer is its body, as text. */

/** The fields in which vendors say what was wrong. */
const telling = ["error", "errcode", "message", "errorDescription", "description", "detail", "errors"];

/** Why a vendor did not take it, in its words; empty when it does not say. */
export function reasonOf(answer: string): string {
  const document = parseJson(answer);
  if (document === undefined) return isPage(answer) ? "" : answer.trim();
  return [...new Set([...wordsIn(document), ...movedTo(document)])].join(": ");
}

function wordsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(wordsIn);
  if (typeof value !== "object" || value === null) return [];
  const fields = telling.flatMap((field) => wordsIn((value as Record<string, unknown>)[field]));
  // Where a vendor nests its reasons by the request's fields, the whole of it is the reason.
  return fields.length > 0 ? fields : [JSON.stringify(value)];
}

/** A group that became a supergroup has another number (core.telegram.org/bots/api, "ResponseParameters"). */
function movedTo(document: unknown): string[] {
  const id = fieldOf(fieldOf(document, "parameters"), "migrate_to_chat_id");
  return typeof id === "number" || typeof id === "string" ? [`the chat's number is ${id} now`] : [];
}

/** The wait that Discord (`retry_after`), Telegram (`parameters.retry_after`, both in seconds) or Matrix (`retry_after_ms`) asks for, in ms; else null. */
export function waitIn(answer: string): number | null {
  const document = parseJson(answer);
  const ms = fieldOf(document, "retry_after_ms");
  if (typeof ms === "number") return ms;
  const seconds = fieldOf(document, "retry_after") ?? fieldOf(fieldOf(document, "parameters"), "retry_after");
  return typeof seconds === "number" ? seconds * 1_000 : null;
}

/** The answer of those whose words are free, or whose protocol others speak too and answer in other words. */
export const isNoPage = (answer: string): boolean => !isPage(answer);

/** A JSON object with a field that has this value, or with one that names what was made of the message. */
export const hasField =
  (name: string, wanted?: unknown) =>
  (answer: string): boolean => {
    const value = fieldOf(parseJson(answer), name);
    return wanted === undefined
      ? typeof value === "number" || (typeof value === "string" && value !== "")
      : value === wanted;
  };

/** HTML, which no vendor answers: whatever its type says, which is HTML for Slack's plain words too. */
export const isPage = (answer: string): boolean => answer.trimStart().startsWith("<");

/** Why an answer of success is none: another than the vendor gave it. */
export function strangerIn(answer: string): string {
  const [, title = ""] = /<title[^>]*>([^<]*)/i.exec(answer) ?? [];
  if (isPage(answer)) {
    const page = title.trim() === "" ? "a web page" : `the web page "${title.trim()}"`;
    return `${page} came in place of the vendor's answer: is there a proxy or a login in between, or is the URL another's?`;
  }
  const reason = reasonOf(answer);
  return `not the answer that the vendor documents${reason && `: ${reason}`}`;
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
