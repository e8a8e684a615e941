import type { PageContext } from "./context.ts";

/** Does what a person asked for, says so when it fails, and loads again. Resolves to whether it was done. */
export async function attempt(
  { notify, refresh, isSignedOutBy }: PageContext,
  failure: string,
  work: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (thrown) {
    if (!isSignedOutBy(thrown)) notify(`${failure}: ${(thrown as Error).message}`);
    return false;
  } finally {
    refresh();
  }
}
