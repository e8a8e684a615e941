import { errorText } from "../shared/errors.ts";
import { withDeadline } from "../shared/lifecycle.ts";

/** A dependency that does not answer within this many ms counts as missing. */
const PROBE_DEADLINE_MS = 2_000;

/** What a coordinator needs to do its work, each with a way to ask whether it is there. */
export type ReadinessProbes = Readonly<Record<string, () => Promise<unknown>>>;

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly reason?: string }>>;
}

/** Asks every dependency at once and says which are missing and why. */
export async function checkReadiness(probes: ReadinessProbes): Promise<Readiness> {
  const checks = await Promise.all(
    Object.entries(probes).map(async ([name, probe]) => {
      try {
        await withDeadline(probe(), PROBE_DEADLINE_MS, "no answer");
        return [name, { ok: true }] as const;
      } catch (thrown) {
        return [name, { ok: false, reason: errorText(thrown) }] as const;
      }
    }),
  );
  return { ready: checks.every(([, { ok }]) => ok), checks: Object.fromEntries(checks) };
}

/** The same in a line, for people. */
export function readinessText({ ready, checks }: Readiness): string {
  const missing = Object.entries(checks).filter(([, { ok }]) => !ok);
  return ready ? "ready" : `not ready: ${missing.map(([name, { reason }]) => `${name}: ${reason}`).join("; ")}`;
}
