import type { Command } from "commander";
import type { ChannelRow, DeliveryDetail } from "../../http/api-types.ts";
import { formatAge } from "../../quantities.ts";
import { parseLimit } from "../arguments.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { type Color, renderTable } from "../table.ts";

export interface ListOptions extends JsonOption {
  readonly state?: string;
  readonly limit: number;
}

const DEFAULT_LIMIT = 50;
const colors: Readonly<Record<string, Color>> = { sent: "green", failed: "red", uncertain: "yellow" };

export const withFilters = (command: Command): Command =>
  command
    .option(
      "--state <state>",
      "only those that are planned, queued, sending, sent, failed, uncertain, cancelled or merged",
    )
    .option("--limit <n>", "at most so many messages", parseLimit, DEFAULT_LIMIT);

export function addList(parent: Command, context: CliContext): void {
  withFilters(
    apiCommand(parent, "list", "List what people were told, newest first, or could not be", [
      "watchpost deliveries list --state failed",
    ]),
  ).action((options: ListOptions) => listDeliveries(context, options));
}

export async function listDeliveries(context: CliContext, { state, limit, ...options }: ListOptions): Promise<void> {
  const client = context.client();
  const [deliveries, channels] = await Promise.all([
    client.list<DeliveryDetail>("/v1/deliveries", { state }, limit),
    client.list<ChannelRow>("/v1/channels"),
  ]);
  const names = new Map(channels.map(({ id, name }) => [id, name]));
  const now = context.terminal.now();
  print(context, options, deliveries, () => {
    if (deliveries.length === 0) return state === undefined ? "Nobody was told anything yet.\n" : `None is ${state}.\n`;
    return renderTable(
      [
        { title: "ID", value: ({ id }) => id },
        { title: "MADE", value: ({ createdAt }) => formatAge(createdAt, now) },
        { title: "STATE", value: ({ state }) => state, color: ({ state }) => colors[state] ?? "gray" },
        { title: "CHANNEL", value: ({ channelId }) => names.get(channelId) ?? channelId },
        { title: "TRIES", align: "right", value: ({ attempts }) => String(attempts) },
        { title: "MESSAGE", value: ({ title }) => title },
        // Of a message that was sent in the end, it no longer matters.
        { title: "REASON", value: ({ state, lastError }) => (state === "sent" ? "" : (lastError ?? "")) },
      ],
      deliveries,
      context.terminal.color,
    );
  });
}
