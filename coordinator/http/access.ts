import { hashSecret } from "../../shared/agent-secret.ts";
import type { ApiTokenStore, Scope } from "../store/api-tokens.ts";
import { scopes } from "../store/api-tokens.ts";
import { readToken, tokenMatches } from "./token.ts";

/** Who has the admin token. */
export const ADMIN = "admin";

/** Who calls the API. */
export interface Caller {
  /** `admin` for the admin token, else the id of an API token. */
  readonly actor: string;
  /** What people know them by: `admin`, or the name of the token. */
  readonly name: string;
  readonly scope: Scope;
}

/** Whose token it is. */
export interface Access {
  /** The caller with this token; null when it is nobody's. @throws Error when that cannot be told now. */
  callerWith(token: string): Promise<Caller | null>;
  /** The same, of an `Authorization` header. */
  callerOf(authorization: string | undefined): Promise<Caller | null>;
}

export function createAccess({
  adminToken,
  tokens,
}: {
  readonly adminToken: string;
  readonly tokens: Pick<ApiTokenStore, "use">;
}): Access {
  async function callerWith(token: string): Promise<Caller | null> {
    if (tokenMatches(token, adminToken)) return { actor: ADMIN, name: ADMIN, scope: "admin" };
    // The store is asked about nothing that cannot be one.
    if (!/^wpt_[0-9A-Za-z]{43}$/.test(token)) return null;
    const known = await tokens.use(hashSecret(token));
    return known && { actor: known.id, name: known.name, scope: known.scope };
  }
  return { callerWith, callerOf: (authorization) => callerWith(readToken(authorization)) };
}

/** Whether who has a scope may do what needs one. */
export function allows(scope: Scope, needed: Scope): boolean {
  return scopes.indexOf(scope) >= scopes.indexOf(needed);
}
