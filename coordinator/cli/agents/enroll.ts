import type { Command } from "commander";
import { enrollmentLine, ownAddressRemedy } from "../../agents/enrollment-line.ts";
import type { NewEnrollmentToken } from "../../http/api-types.ts";
import { parseRegion } from "../arguments.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { readAccess } from "../settings.ts";

interface Options extends JsonOption {
  readonly region: string;
  readonly name?: string;
  readonly expires: string;
}

export function addEnroll(parent: Command, context: CliContext): void {
  apiCommand(parent, "enroll", "Print the line that makes a server an agent, and the token that it asks for", [
    "watchpost agents enroll --region eu-west",
    "watchpost agents enroll --region eu-west --name fra1 --expires 15m --json",
  ])
    .requiredOption("--region <region>", "the region that the agent is in", parseRegion)
    .option("--name <name>", "what to call it")
    .option("--expires <duration>", "how long the token is good for, from 1m to 7d", "1h")
    .action(async ({ region, name, expires, ...options }: Options) => {
      const made = await context
        .client()
        .post<NewEnrollmentToken>("/v1/enrollment-tokens", { region, name, expiresIn: expires });
      // Unless the coordinator knows what it is called from elsewhere, it is called there as it is here.
      const { url } = readAccess(context.terminal.env);
      const line = made.line ?? enrollmentLine({ coordinatorUrl: url, key: made.key });
      const { id, token, release } = made;
      const isHere = made.line === null && /^(localhost$|127\.|\[::1\]$)/.test(new URL(url).hostname);
      print(context, options, { ...made, line }, () =>
        [
          `On the server, as somebody who may use sudo, within ${expires}:`,
          "",
          `  ${line}`,
          "",
          "It asks for this token, which works once and is not shown again:",
          "",
          `  ${token}`,
          "",
          `It is ${id}; \`watchpost agents tokens revoke ${id}\` ends it unused.`,
          ...(isHere ? ["", ownAddressRemedy(url)] : []),
          ...(release === null
            ? ["", "The coordinator has no release of the agent to give yet: run `npm run build:agent` there first."]
            : []),
          "",
        ].join("\n"),
      );
    });
}
