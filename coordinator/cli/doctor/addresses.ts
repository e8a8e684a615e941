import { readSettings } from "../../../shared/env.ts";
import { type QueueServer, queueServerFrom, queueSettings } from "../../../shared/queues.ts";
import { coordinatorSettings } from "../../config.ts";

/** Where the servers are, as far as this environment says; under `watchpost start` it says nothing. */
export interface Addresses {
  readonly queueServer: QueueServer | null;
  readonly databaseUrl: string | null;
  readonly clickhouseUrl: string | null;
}

/** @throws ConfigError naming every variable that is wrong. */
export function readAddresses(env: NodeJS.ProcessEnv): Addresses {
  const { databaseUrl, clickhouseUrl } = coordinatorSettings;
  const values = readSettings({ databaseUrl, clickhouseUrl, ...queueSettings }, env);
  const named = values.redisUrl ?? values.redisHost ?? values.queueDatabaseUrl;
  return {
    queueServer: named === null ? null : queueServerFrom(values),
    databaseUrl: values.databaseUrl,
    clickhouseUrl: values.clickhouseUrl,
  };
}
