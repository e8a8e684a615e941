import type { Postgres } from "./postgres.ts";

/** What a deployment has once, shared by all its coordinators: values by name. */
export interface DeploymentStore {
  get(name: string): Promise<string | null>;
  /** Keeps a value unless there is one. @returns the one that is there now. */
  keep(name: string, value: string): Promise<string>;
  /** Puts a value in the place of that one, unless another one has come since. */
  replace(name: string, value: string, next: string): Promise<void>;
}

export function createDeploymentStore(postgres: Postgres): DeploymentStore {
  async function get(name: string): Promise<string | null> {
    const { rows } = await postgres.query<{ value: string }>("SELECT value FROM deployment WHERE name = $1", [name]);
    return rows[0]?.value ?? null;
  }
  return {
    get,
    async keep(name, value) {
      await postgres.query("INSERT INTO deployment (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", [
        name,
        value,
      ]);
      return (await get(name)) as string;
    },
    async replace(name, value, next) {
      await postgres.query("UPDATE deployment SET value = $3 WHERE name = $1 AND value = $2", [name, value, next]);
    },
  };
}
