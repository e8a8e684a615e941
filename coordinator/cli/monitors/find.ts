import type { MonitorRow } from "../../http/api-types.ts";
import type { ApiClient } from "../client.ts";
import { CommandFailure } from "../failure.ts";

/**
 * The monitor of an id or of a name.
 * @throws CommandFailure when there is none, or more than one of that name.
 */
export async function findMonitor(client: ApiClient, idOrName: string): Promise<MonitorRow> {
  if (/^mon_[0-9a-z]+$/.test(idOrName)) {
    try {
      return await client.get<MonitorRow>(`/v1/monitors/${idOrName}`);
    } catch (thrown) {
      // A name may look like an id.
      if (!(thrown instanceof CommandFailure) || thrown.status !== 404) throw thrown;
    }
  }
  const found = (await client.list<MonitorRow>("/v1/monitors")).filter(({ name }) => name === idOrName);
  const [monitor] = found;
  if (monitor === undefined) {
    throw new CommandFailure(1, `there is no monitor "${idOrName}": \`watchpost monitors\` lists them`);
  }
  if (found.length > 1) {
    const ids = found.map(({ id }) => id).join(", ");
    throw new CommandFailure(2, `${found.length} monitors are named "${idOrName}": say which by its id, ${ids}`);
  }
  return monitor;
}
