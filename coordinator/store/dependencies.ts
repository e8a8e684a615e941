import type { PostgresClient } from "./postgres.ts";

/** A monitor would depend on what it must not depend on. */
export class DependencyRefused extends Error {
  override readonly name = "DependencyRefused";
  readonly errors: ReadonlyArray<{ readonly field: string; readonly rule: string }>;

  constructor(errors: DependencyRefused["errors"]) {
    super(errors.map(({ field, rule }) => `${field}: ${rule}`).join("; "));
    this.errors = errors;
  }
}

/** Any number; the same for all coordinators. */
const DEPENDENCIES_LOCK = 0x64657073;

/**
 * Sees to it that what a monitor newly depends on is there, and does not depend on it in turn: monitors that depend on
 * each other would silence each other for good. Held until the transaction ends, so that two changes at once make no
 * circle either. What it depended on before may be gone.
 * @throws DependencyRefused
 */
export async function checkDependencies(
  client: PostgresClient,
  monitorId: string,
  wanted: readonly string[],
  before: readonly string[],
): Promise<void> {
  const added = wanted.filter((id) => !before.includes(id));
  if (added.length === 0) return;
  await client.query("SELECT pg_advisory_xact_lock($1)", [DEPENDENCIES_LOCK]);
  const { rows } = await client.query<{ id: string; exists: boolean; returns: boolean }>(
    `SELECT added.id, EXISTS (SELECT FROM monitors m WHERE m.id = added.id) AS exists,
            $2 IN (WITH RECURSIVE above (id) AS (
                     SELECT added.id
                     UNION SELECT parent.id FROM above JOIN monitors m ON m.id = above.id,
                                  jsonb_array_elements_text(m.spec->'dependsOn') AS parent (id))
                   SELECT id FROM above) AS returns
     FROM unnest($1::text[]) AS added (id)`,
    [added, monitorId],
  );
  const errors = rows
    .filter(({ exists, returns }) => !exists || returns)
    .map(({ id, exists }) => ({ field: `dependsOn.${wanted.indexOf(id)}`, rule: ruleBroken(monitorId, id, exists) }));
  if (errors.length > 0) throw new DependencyRefused(errors);
}

function ruleBroken(monitorId: string, id: string, exists: boolean): string {
  if (id === monitorId) return "must not be the monitor itself";
  return exists ? `must not be a monitor that depends on this one: ${id} does` : `must be a monitor: there is no ${id}`;
}
