import type { Command } from "commander";
import type { DeliveryDetail } from "../../http/api-types.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";

export function addRetry(parent: Command, context: CliContext): void {
  apiCommand(parent, "retry", "Send a message again that failed, or may have", [
    "watchpost deliveries retry dlv_4k2j9x0v7c1b5n8m3q6w",
  ])
    .argument("<delivery>", "its id")
    .action(async (id: string, options: JsonOption) => {
      const path = `/v1/deliveries/${encodeURIComponent(id)}/retry`;
      const delivery = await context.client().post<DeliveryDetail>(path, {});
      print(context, options, delivery, () => `${delivery.id} is sent again.\n`);
    });
}
