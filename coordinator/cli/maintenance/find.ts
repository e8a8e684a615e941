import type { MaintenanceRow } from "../../http/api-types.ts";
import type { ApiClient } from "../client.ts";
import { CommandFailure } from "../failure.ts";

/**
 * The window of an id or of a name.
 * @throws CommandFailure when there is none, or more than one of that name.
 */
export async function findWindow(client: ApiClient, idOrName: string): Promise<MaintenanceRow> {
  const windows = await client.list<MaintenanceRow>("/v1/maintenance");
  const found = windows.filter(({ id, name }) => id === idOrName || name === idOrName);
  const [window] = found;
  if (window === undefined) {
    throw new CommandFailure(1, `there is no window "${idOrName}": \`watchpost maintenance\` lists them`);
  }
  if (found.length > 1) {
    const ids = found.map(({ id }) => id).join(", ");
    throw new CommandFailure(2, `${found.length} windows are named "${idOrName}": say which by its id, ${ids}`);
  }
  return window;
}
