/**
 * The line that makes a server an agent. What it fetches is checked against the deployment's own key, which is in
 * the line itself. The token is not: it would stand in the list of processes and in the shell's history. It says the
 * region too.
 * @param key the public half of that key, SPKI in DER, in base64url
 */
export function enrollmentLine({
  coordinatorUrl,
  key,
}: {
  readonly coordinatorUrl: string;
  readonly key: string;
}): string {
  const base = coordinatorUrl.replace(/\/+$/, "");
  const curl = base.startsWith("https:") ? "curl --proto '=https' --tlsv1.2 -fsSL" : "curl -fsSL";
  return `${curl} ${quoted(`${base}/install.sh`)} | sudo sh -s -- --coordinator ${quoted(base)} --key ${key}`;
}

/** What to do where the only address known for a coordinator is one that no other machine reaches. */
export const ownAddressRemedy = (url: string): string =>
  `${url} is this machine's own address, and no other reaches it: put HTTPS before the coordinator (docs/https.md), or for a trial start it with HOST=0.0.0.0; and set WATCHPOST_PUBLIC_URL for the coordinator to what others are to call it.`;

/** As one word of a POSIX shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
