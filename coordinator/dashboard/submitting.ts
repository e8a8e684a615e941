import { announce } from "./announce.ts";
import { ApiProblem } from "./api.ts";
import type { Complaints } from "./complaints.ts";
import type { PageContext } from "./context.ts";

/** Adds, or changes by `put`, what a form describes; what is wrong with it stands where it belongs. Resolves to whether it was done. */
export async function submitTo(
  { api, refresh, isSignedOutBy }: PageContext,
  {
    method = "post",
    path,
    body,
    complaints,
  }: {
    readonly method?: "post" | "put";
    readonly path: string;
    readonly body: object;
    readonly complaints: Complaints;
  },
): Promise<boolean> {
  const done = method === "put" ? "changed" : "added";
  try {
    const { name } = await api[method]<{ readonly name: string }>(path, body);
    announce(`${name} is ${done}.`);
    refresh();
    return true;
  } catch (thrown) {
    if (isSignedOutBy(thrown)) return false;
    const isWrong = thrown instanceof ApiProblem && thrown.errors.length > 0;
    complaints.show(
      isWrong ? thrown.errors : [{ field: "", rule: `It was not ${done}: ${(thrown as Error).message}` }],
    );
    return false;
  }
}
