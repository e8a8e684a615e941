const KEY = "watchpost-token";
const NAME_KEY = "watchpost-name";

/** The token of this tab: it is gone with the tab, and no other tab has it. */
export const session = {
  token: (): string | null => sessionStorage.getItem(KEY),
  keep: (token: string): void => sessionStorage.setItem(KEY, token),
  forget: (): void => sessionStorage.removeItem(KEY),
  /** What a person called themself on this tab. */
  name: (): string => sessionStorage.getItem(NAME_KEY) ?? "",
  keepName: (name: string): void => sessionStorage.setItem(NAME_KEY, name),
};

/**
 * Takes a token out of the address (`#token=…`), so that a printed link signs in
 * and the secret stays neither in the address bar nor in the history.
 */
export function takeTokenFromAddress(): string | null {
  if (!location.hash.startsWith("#token=")) return null;
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  history.replaceState(null, "", location.pathname);
  return token;
}
