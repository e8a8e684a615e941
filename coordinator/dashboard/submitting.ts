import { announce } from "./announce.ts";
import { ApiProblem } from "./api.ts";
import type { Complaints } from "./complaints.ts";
import type { PageContext } from "./context.ts";

/** Adds what a form describes; what is wrong with it stands where it belongs. Resolves to whether it was added. */
export async function submitTo(
  { api, refresh, isSignedOutBy }: PageContext,
  { path, body, complaints }: { readonly path: string; readonly body: object; readonly complaints: Complaints },
): Promise<boolean> {
  try {
    const { name } = await api.post<{ readonly name: string }>(path, body);
    announce(`${name} is added.`);
    refresh();
    return true;
  } catch (thrown) {
    if (isSignedOutBy(thrown)) return false;
    const isWrong = thrown instanceof ApiProblem && thrown.errors.length > 0;
    complaints.show(isWrong ? thrown.errors : [{ field: "", rule: `It was not added: ${(thrown as Error).message}` }]);
    return false;
  }
}
