import type { Command } from "commander";
import { apiCommand, type CliContext } from "../context.ts";
import { addFilters, listIncidents } from "./list.ts";
import { addAck, addNote } from "./people.ts";
import { addShow } from "./show.ts";

const examples = [
  "watchpost incidents",
  "watchpost incidents list --state open --json",
  'watchpost incidents list --monitor "Checkout API" --from 7d',
  "watchpost incidents show inc_4k2j9x0v7c1b5n8m3q6w",
  'watchpost incidents ack inc_4k2j9x0v7c1b5n8m3q6w --note "on it"',
];

export function addIncidents(parent: Command, context: CliContext): void {
  const incidents = addFilters(
    apiCommand(parent, "incidents", "List incidents, newest first; or show, acknowledge and note one", examples),
    context,
  ).action((options) => listIncidents(context, options));
  addFilters(apiCommand(incidents, "list", "List incidents, newest first", examples.slice(0, 3)), context).action(
    (options) => listIncidents(context, options),
  );
  addShow(incidents, context);
  addAck(incidents, context);
  addNote(incidents, context);
}
