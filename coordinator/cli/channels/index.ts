import type { Command } from "commander";
import { apiCommand, type CliContext, type JsonOption } from "../context.ts";
import { addAdd } from "./add.ts";
import { addList, listChannels } from "./list.ts";
import { addRm } from "./rm.ts";
import { addSet } from "./set.ts";
import { addShow } from "./show.ts";
import { addTest } from "./test.ts";
import { addTypes } from "./types.ts";

export function addChannels(parent: Command, context: CliContext): void {
  const channels = apiCommand(parent, "channels", "List the ways to tell people, try one out, or change them", [
    "watchpost channels",
    "watchpost channels add -f phone.yaml",
    "watchpost channels test Phone",
    "watchpost channels types slack",
  ]).action((options: JsonOption) => listChannels(context, options));
  addList(channels, context);
  addAdd(channels, context);
  addShow(channels, context);
  addSet(channels, context);
  addTest(channels, context);
  addRm(channels, context);
  addTypes(channels, context);
}
