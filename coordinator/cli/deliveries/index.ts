import type { Command } from "commander";
import { apiCommand, type CliContext } from "../context.ts";
import { addList, type ListOptions, listDeliveries, withFilters } from "./list.ts";
import { addRetry } from "./retry.ts";

export function addDeliveries(parent: Command, context: CliContext): void {
  const deliveries = withFilters(
    apiCommand(parent, "deliveries", "List what people were told, newest first, or could not be; or try one again", [
      "watchpost deliveries",
      "watchpost deliveries --state failed",
      "watchpost deliveries retry dlv_4k2j9x0v7c1b5n8m3q6w",
    ]),
  ).action((options: ListOptions) => listDeliveries(context, options));
  addList(deliveries, context);
  addRetry(deliveries, context);
}
