import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import type { ChannelRow, DeliveryDetail } from "../../http/api-types.ts";
import type { ApiClient } from "../client.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { CommandFailure } from "../failure.ts";
import { channelKind, findNamed } from "../find-named.ts";
import { oneLine } from "../table.ts";

/** Longer than a channel may take for one try, in ms. */
const PATIENCE_MS = 25_000;
const LOOK_EVERY_MS = 250;

export function addTest(parent: Command, context: CliContext): void {
  apiCommand(parent, "test", "Send a message through a channel and wait for what becomes of it", [
    "watchpost channels test Phone",
  ])
    .argument("<channel>", "its id or its name")
    .action(async (idOrName: string, options: JsonOption) => {
      const client = context.client();
      const { id, name } = await findNamed<ChannelRow>(client, channelKind, idOrName);
      const { deliveryId } = await client.post<{ readonly deliveryId: string }>(`/v1/channels/${id}/test`, {});
      const delivery = await outcomeOf(client, deliveryId);
      const isSent = delivery.state === "sent";
      if (isSent || options.json) {
        print(context, options, delivery, () => `The test was sent through ${oneLine(name)}.\n`);
      }
      if (!isSent) throw new CommandFailure(1, `the test was not sent through ${oneLine(name)}: ${reasonOf(delivery)}`);
    });
}

/** The delivery once it has ended or a try of it has failed, or as it is when patience ends. */
async function outcomeOf(client: ApiClient, id: string): Promise<DeliveryDetail> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const delivery = await client.get<DeliveryDetail>(`/v1/deliveries/${id}`);
    const isDecided = delivery.endedAt !== null || delivery.lastError !== null;
    if (isDecided || performance.now() >= giveUpAt) return delivery;
    await sleep(LOOK_EVERY_MS);
  }
}

function reasonOf({ id, state, endedAt, lastError }: DeliveryDetail): string {
  if (endedAt !== null) return oneLine(lastError ?? `it was ${state}`);
  if (lastError !== null) return `${oneLine(lastError)}; it is tried again, as ${id}`;
  return `nobody has sent it within ${PATIENCE_MS / 1_000} s; is a coordinator with the role notify running?`;
}
