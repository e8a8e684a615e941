import type { Command } from "commander";
import type { IncidentDetail } from "../../http/api-types.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { oneLine } from "../table.ts";
import { subjectOf } from "./list.ts";

interface Options extends JsonOption {
  readonly by?: string;
  readonly note?: string;
}

export const whoHelp = "who says so; the user of this terminal unless told otherwise";

export function addAck(parent: Command, context: CliContext): void {
  apiCommand(parent, "ack", "Acknowledge an open incident: somebody takes care of it, and it is told of no more", [
    'watchpost incidents ack inc_4k2j9x0v7c1b5n8m3q6w --note "on it"',
  ])
    .argument("<incident>", "its id")
    .option("--note <text>", "what to say of it")
    .option("--by <name>", whoHelp)
    .action(async (id: string, options: Options) => {
      const body = { by: whoOf(context, options), note: options.note };
      const path = `/v1/incidents/${encodeURIComponent(id)}/acknowledge`;
      const incident = await context.client().post<IncidentDetail>(path, body);
      print(context, options, incident, () => {
        const who = incident.acknowledgedBy === null ? "" : ` by ${oneLine(incident.acknowledgedBy)}`;
        return `The incident of ${oneLine(subjectOf(incident))} is acknowledged${who}.\n`;
      });
    });
}

export function addNote(parent: Command, context: CliContext): void {
  apiCommand(parent, "note", "Add a note to an incident", [
    'watchpost incidents note inc_4k2j9x0v7c1b5n8m3q6w "It was the name server."',
  ])
    .argument("<incident>", "its id")
    .argument("<text>", "the note")
    .option("--by <name>", whoHelp)
    .action(async (id: string, text: string, options: Options) => {
      const path = `/v1/incidents/${encodeURIComponent(id)}/notes`;
      const incident = await context.client().post<IncidentDetail>(path, { text, by: whoOf(context, options) });
      print(context, options, incident, () => `The incident of ${oneLine(subjectOf(incident))} is noted.\n`);
    });
}

export function whoOf({ terminal }: CliContext, { by }: Pick<Options, "by">): string | undefined {
  return by ?? (terminal.env.USER || undefined);
}
