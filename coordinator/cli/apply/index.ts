import type { Command } from "commander";
import { apiCommand, type CliContext } from "../context.ts";
import type { ApplyOptions } from "./run.ts";

const form = `
The file holds one monitor, a list of them, or lists of channels, monitors,
rules and maintenance windows, as below; or several documents between lines of
---. Each is known by its name, and may be called by it in others; what its
document leaves out is as it is by default. What no file names stays as it is.
\${NAME} in a text stands for that variable of the environment, $\${NAME} for
itself. What has a secret in its document is written each time, since nobody is
shown what is stored.

  channels:
    - name: Phone
      type: ntfy
      settings: { topic: "\${NTFY_TOPIC}" }
  monitors:
    - name: Checkout API
      type: http
      interval: 30s
      tags: [production]
      http: { url: https://shop.example/health }
  rules:
    - name: Production
      tags: [production]
      steps: [{ channels: [Phone] }]
  maintenance:
    - name: Nightly backup
      monitors: [Checkout API]
      when:
        cron: { expression: "0 3 * * *", duration: 20m, timeZone: Europe/Berlin }`;

export function addApply(parent: Command, context: CliContext): void {
  apiCommand(
    parent,
    "apply",
    "Make monitors, channels, rules and windows what files say: add what is missing, change what differs",
    ["watchpost apply -f monitors.yaml", "watchpost apply -f shop.yaml -f alerts.yaml --dry-run"],
  )
    .requiredOption("-f, --file <file...>", "take what is to be from these files; - is standard input")
    .option("--dry-run", "say what would be done, and do nothing")
    .addHelpText("after", form)
    .action(async (options: ApplyOptions) => {
      // What all types of channels need is loaded for this command only.
      const { runApply } = await import("./run.ts");
      await runApply(context, options);
    });
}
