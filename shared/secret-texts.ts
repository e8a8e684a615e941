/** Shorter parts of a URL than this say nothing, and stand in many a text. */
const MIN_PART = 8;

/** Every form in which a setting that is a secret could turn up in a text. The longest come first. */
export function secretTexts(value: unknown): string[] {
  return [...new Set(textsIn(value).flatMap(forms))].filter((text) => text !== "").sort((a, b) => b.length - a.length);
}

export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((result, secret) => result.replaceAll(secret, "***"), text);
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

function forms(secret: string): string[] {
  const written = [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)];
  if (!URL.canParse(secret)) return written;
  const { pathname, search, searchParams } = new URL(secret);
  const parts = [pathname + search, ...pathname.split("/"), ...searchParams.values()];
  return [
    ...written,
    ...parts.filter((part) => part.length >= MIN_PART).flatMap((part) => [part, encodeURIComponent(part)]),
  ];
}
