import { Client } from "pg";
import type { TestCoordinator } from "./coordinator.ts";

/** Makes regions known of which no agent is left. */
export async function abandonedRegions({ databaseUrl }: TestCoordinator, ...names: string[]): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query("INSERT INTO regions (region) SELECT unnest($1::text[])", [names]);
  } finally {
    await client.end();
  }
}
