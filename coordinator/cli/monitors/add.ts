import type { Command } from "commander";
import type { MonitorRow } from "../../http/api-types.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { oneLine } from "../table.ts";
import { type MonitorFlags, readDocument } from "./document.ts";

export function addAdd(parent: Command, context: CliContext): void {
  apiCommand(parent, "add", "Add a monitor: by flags, or from a YAML or JSON file", [
    'watchpost monitors add --name "Checkout API" --url https://shop.example/health --interval 30s',
    "watchpost monitors add --url https://shop.example/ --regions eu-west,us-east --quorum any --timeout 5s",
    "watchpost monitors add --name Database --host db.example --port 5432",
    "watchpost monitors add -f checkout.yaml",
  ])
    .option("--name <name>", "what people call it; the target when left out")
    .option("--url <url>", "watch this http:// or https:// URL")
    .option("--method <method>", "the HTTP method (GET)")
    .option("--host <host>", "watch whether this host takes TCP connections …")
    .option("--port <port>", "… at this port")
    .option("--interval <duration>", "how often, from 1s to 24h (60s)")
    .option("--timeout <duration>", "the limit for one check, at most the interval (10s)")
    .option("--regions <list>", "where to check from, such as eu-west,us-east (all)")
    .option(
      "--quorum <quorum>",
      "how many regions must fail for it to be down: any, majority, all or a number (majority)",
    )
    .option("-f, --file <file>", "take the whole monitor from this file; - is standard input")
    .action(async ({ json, ...flags }: MonitorFlags & JsonOption) => {
      const document = await readDocument(flags, context.terminal);
      const monitor = await context.client().post<MonitorRow>("/v1/monitors", document);
      print(context, { ...(json && { json }) }, monitor, () => `Added ${oneLine(monitor.name)} as ${monitor.id}.\n`);
    });
}
