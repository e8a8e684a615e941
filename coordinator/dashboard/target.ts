/**
 * The host and port of `host:port` or `[address]:port`; null when it is neither.
 * What hosts and ports may be is the API's to say.
 */
export function parseHostAndPort(text: string): { host: string; port: number } | null {
  const match = /^(?:\[([^[\]]*)\]|([^:\s]*)):(\d{1,9})$/.exec(text.trim());
  if (!match) return null;
  return { host: match[1] ?? match[2] ?? "", port: Number(match[3]) };
}
