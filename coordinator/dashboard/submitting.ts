import { announce } from "./announce.ts";
import { ApiProblem } from "./api.ts";
import type { Complaints } from "./complaints.ts";
import type { PageContext } from "./context.ts";

interface Submission {
  /** `post` adds, the others change. */
  readonly method?: "post" | "put" | "patch";
  readonly path: string;
  readonly body: object;
  readonly complaints: Complaints;
}

/** Adds or changes what a form describes; what is wrong with it stands where it belongs. Resolves to whether it was done. */
export async function submitTo(
  context: PageContext,
  { method = "post", path, body, complaints }: Submission,
): Promise<boolean> {
  const done = method === "post" ? "added" : "changed";
  return await orComplain(context, { complaints, failure: `It was not ${done}: ` }, async () => {
    const { name } = await context.api[method]<{ readonly name: string }>(path, body);
    announce(`${name} is ${done}.`);
    context.refresh();
  });
}

/**
 * Does what a form is for, or shows in it why it was not done. Resolves to whether it was.
 * @param failure what comes before a reason that is no fault of what the form says.
 */
export async function orComplain(
  { isSignedOutBy }: Pick<PageContext, "isSignedOutBy">,
  { complaints, failure = "" }: { readonly complaints: Complaints; readonly failure?: string },
  work: () => Promise<void>,
): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (thrown) {
    if (isSignedOutBy(thrown)) return false;
    const isWrong = thrown instanceof ApiProblem && thrown.errors.length > 0;
    complaints.show(isWrong ? thrown.errors : [{ field: "", rule: failure + (thrown as Error).message }]);
    return false;
  }
}
