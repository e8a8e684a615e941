/** `${NAME}`; with another dollar sign before it, the text itself. */
const pattern = /\$?\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/**
 * A document with the environment's variables where its texts name them, as `${NAME}`; `$${NAME}` stands for
 * the text `${NAME}`. What is put in is text, whatever it looks like, and is not looked into again.
 * @param complain is told of each variable that is not set, and where it stands, such as `settings.topic`.
 */
export function withVariables(
  document: unknown,
  env: Readonly<Record<string, string | undefined>>,
  complain: (field: string, rule: string) => void,
): unknown {
  function inText(text: string, field: string): string {
    return text.replace(pattern, (written, name: string) => {
      if (written.startsWith("$$")) return written.slice(1);
      const value = env[name];
      if (value === undefined) complain(field, `the environment variable ${name} is not set`);
      return value ?? "";
    });
  }

  function within(value: unknown, path: readonly string[]): unknown {
    if (typeof value === "string") return inText(value, path.join("."));
    if (Array.isArray(value)) return value.map((item, n) => within(item, [...path, String(n)]));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, within(item, [...path, key])]));
  }

  return within(document, []);
}
