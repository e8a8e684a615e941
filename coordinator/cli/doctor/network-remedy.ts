import { errorText } from "../../../shared/errors.ts";

/** What is wrong and what to do when a server could not be reached at all; null when the failure is of another kind. */
export function explainUnreachable(
  thrown: unknown,
  server: string,
  variables: string,
): { readonly detail: string; readonly remedy: string } | null {
  const code = findCode(thrown);
  const address = `check ${variables}`;
  switch (code) {
    case "ECONNREFUSED":
      return {
        detail: `nothing listens there (connection refused)`,
        remedy: `start ${server}, or ${address}; a server on another machine must also listen on its network address`,
      };
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return { detail: "its host name does not resolve", remedy: address };
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return { detail: "there is no route to it", remedy: `${address}, and the network between` };
    case "ECONNRESET":
    case "EPIPE":
      return {
        detail: "it closed the connection at once",
        remedy: `${address}: something else may listen there, or it wants TLS`,
      };
    default:
      if (code === "ETIMEDOUT" || /time(d)? ?out|within \d+ ms/i.test(errorText(thrown))) {
        return { detail: "it does not answer in time", remedy: `${address}, and that firewalls let the port through` };
      }
      return null;
  }
}

/** The code of a network failure, however deep the client has wrapped it. */
function findCode(thrown: unknown): string | undefined {
  const { code, cause, errors } = thrown as { code?: unknown; cause?: unknown; errors?: unknown[] };
  if (typeof code === "string" && /^E[A-Z_]+$/.test(code)) return code;
  if (cause !== undefined) return findCode(cause);
  return errors?.map(findCode).find((found) => found !== undefined);
}
