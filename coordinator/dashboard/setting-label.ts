const upperCase = new Set(["url", "api", "id", "sid", "ca"]);

/** A setting's name as people read it: `serverUrl` is `Server URL`. */
export function settingLabel(name: string): string {
  const words = name.split(/(?=[A-Z])/).map((word) => word.toLowerCase());
  const text = words.map((word) => (upperCase.has(word) ? word.toUpperCase() : word)).join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
