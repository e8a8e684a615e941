import { createHash } from "node:crypto";
import type { Notice, Severity } from "../notice.ts";

const ELLIPSIS = "…";
/** Breaks up what would otherwise be read as a mention, and is not seen. */
const ZERO_WIDTH_SPACE = "\u200b";

/**
 * A text from outside on one line: no control characters, none that turn the direction
 * of writing around (Unicode TR36 §2.8), no halves of surrogate pairs.
 */
export function clean(text: string): string {
  return text
    .replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "")
    .replace(/[\p{Cc}\s]+/gu, " ")
    .replace(/\p{Surrogate}/gu, "\ufffd")
    .trim();
}

export interface ShortenOptions {
  /** What one character becomes in the vendor's markup, after what its word has so far. */
  readonly markup?: (character: string, word: string) => string;
  /** How the vendor counts; UTF-16 code units unless said, which are never fewer than characters. */
  readonly size?: (text: string) => number;
  /** What stands for the rest. */
  readonly ellipsis?: string;
}

/** The text, escaped, and cut with an ellipsis where it is larger than `max`; never within a character or its escape. */
export function shorten(text: string, max: number, options: ShortenOptions = {}): string {
  const { markup = same, size = codeUnits, ellipsis = ELLIPSIS } = options;
  const reserve = size(ellipsis);
  let result = "";
  let used = 0;
  let cut = 0;
  let word = "";
  for (const character of text) {
    const piece = markup(character, word);
    word = /\s/.test(character) ? "" : word + character;
    used += size(piece);
    if (used > max) return result.slice(0, cut) + ellipsis;
    result += piece;
    if (used + reserve <= max) cut = result.length;
  }
  return result;
}

const same = (text: string): string => text;
const codeUnits = (text: string): number => text.length;
/** The size of a text within a JSON document, in bytes. */
export const jsonBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2;

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export const escapeHtml = (character: string): string => entities[character] ?? character;

/** A whole text as HTML, where it need not be cut. */
export const htmlOf = (text: string): string => text.replace(/[&<>"']/g, escapeHtml);

/** Slack's control characters (docs.slack.dev, "Formatting message text"). */
export const escapeSlack = (character: string): string => (/[&<>]/.test(character) ? escapeHtml(character) : character);

/**
 * Markdown as Discord and Mattermost read it, with mentions broken up. An address is a link as it stands: what an
 * escape would break of it is no markup there.
 */
export function escapeMarkdown(character: string, word: string): string {
  if (character === "@") return breakMention(character);
  const special = /^https?:\/\//.test(word) ? /[\\`|<>[\]]/ : /[\\`*_~|<>[\]#]/;
  return special.test(character) ? `\\${character}` : character;
}

/** For plain text in which vendors look for `@name` or `<users/all>`. */
export const breakMention = (character: string): string =>
  character === "@" || character === "<" ? character + ZERO_WIDTH_SPACE : character;

export const titleOf = (notice: Notice, max: number, options?: ShortenOptions): string =>
  shorten(clean(notice.title), max, options);

/** The details, one fact per line; the title once more where there are none, since vendors take no empty text. */
export const detailsOf = (notice: Notice, max: number, options?: ShortenOptions): string =>
  shorten(notice.lines.map(clean).filter(Boolean).join("\n") || clean(notice.title), max, options);

/** The notice's page, where its URL is not longer than the vendor takes. */
export const linkOf = (notice: Notice, max = 2_000): string | null =>
  notice.url !== null && notice.url.length <= max ? notice.url : null;

/** An id that may stand in a URL, a header and a mail's Message-ID: itself where it is fit for that, else its hash. */
export function plainId(id: string, max = 255): string {
  return id.length <= max && /^[A-Za-z0-9_-]+$/.test(id) ? id : createHash("sha256").update(id).digest("hex");
}

/** How a notice looks: as grave as it is; what has ended otherwise than well, or nobody knows how, does not look well. */
export type Look = Severity | "ended";
export function lookOf({ event, severity, trouble }: Notice): Look {
  return event === "closed" || event === "data_back" || trouble?.resolution === "gone" ? "ended" : severity;
}

export const symbols: Readonly<Record<Look, string>> = {
  critical: "🔴",
  warning: "🟠",
  info: "🔵",
  ok: "🟢",
  ended: "⚪",
};
export const colors: Readonly<Record<Look, string>> = {
  critical: "#d92d20",
  warning: "#f79009",
  info: "#2e90fa",
  ok: "#17b26a",
  ended: "#98a2b3",
};
